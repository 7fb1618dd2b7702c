"""The dashboard without a login, for the demo alone: ``python -m app.simulator.dashboard PORT``."""

import sys

import uvicorn

from app.settings import load_settings
from app.web.dashboard import create_dashboard

if __name__ == "__main__":
    url = load_settings(env_file=None).redis_url.get_secret_value()
    app = create_dashboard(url, username=None, password=None)
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", ws="none")
