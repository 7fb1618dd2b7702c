"""The dashboard without a login, for the demo alone: ``python -m app.simulator.dashboard PORT``.

The queue to show is the one at ``REDIS_URL``. A process of its own: see ``app.web.dashboard``.
"""

import os
import sys

import uvicorn

from app.web.dashboard import create_dashboard

if __name__ == "__main__":
    app = create_dashboard(os.environ["REDIS_URL"], username=None, password=None)
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", ws="none")
