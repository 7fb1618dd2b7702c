"""What the pretend model says in English, in Markdown as models write it."""

ENGLISH = {
    "hours": """\
We open from 9 a.m. to 6.30 p.m. on weekdays, and from 10 a.m. to 4 p.m. on Saturdays. On Sundays \
the shop stays closed, but the workshop next door takes in repairs until noon. Dr. Ellis, who \
sharpens knives, is here on Wednesdays only; please bring them wrapped in a cloth. You find us at \
14 Harbour St., two minutes from the old ferry stop, and there is parking behind the building for \
**$1.50 per hour**. Over the holidays we close earlier than usual, i.e. at 2 p.m. on Dec. 24 and \
Dec. 31. Would you like me to put something aside for you until you come?""",
    "order": """\
Thank you for asking, I have looked it up. Your order left our packing table yesterday at \
4.45 p.m. and was handed to the courier the same evening. It holds two items: the *cast-iron pan, \
26 cm* and one jar of smoked paprika, together **$64.90** including shipping. Parcels to your area \
take two to three working days, so it should reach you by Thursday, at the latest on Friday. If \
nobody is at home, the driver leaves a card, and you can collect the parcel at the shop on the \
corner, e.g. after work. You will get a message with the tracking number as soon as the courier \
has scanned it at approx. 7 p.m. tonight. Is there anything you would like to change about the \
delivery?""",
    "return": """\
Of course, a return is no trouble at all. You have 30 days from the day the parcel arrived, and \
you do not need to tell us why. Here is how it goes:

1. Put the item back into its box, with the small parts and the booklet.
2. Write your order number on the slip that came with it (it begins with SK-).
3. Bring it to any parcel shop, or ask us to have it collected for $3.90.

As soon as it is back with us we check it, which takes a day or two, and then the money goes back \
to the card you paid with. Most banks show it within 5 to 7 working days. If the item came broken, \
please **do not** send it yet: a photo is enough, and we will ship a new one at once. Shall I \
prepare the label for you now?""",
    "recipe": """\
With pleasure! This is the lentil soup that we cook in the shop on cold days; it takes about \
35 min. and feeds four. You will need:

- 250 g red lentils, rinsed twice
- 1 large onion and 2 cloves of garlic
- 1 tsp. cumin and 1/2 tsp. **smoked paprika**
- 1.2 l vegetable stock
- the juice of half a lemon

Soften the onion in olive oil for five minutes, then add the garlic and the spices and stir until \
they smell warm. Pour in the lentils and the stock, and let it all simmer for 20 min. with the lid \
half on. Take it off the heat, blend half of it, and stir in the lemon at the very end. Do not \
salt it before that, or the lentils stay hard. It tastes even better the next day, so it is worth \
making a double portion. Enjoy your meal!""",
    "code": """\
Yes, our stock list can be read by a program, and you do not need an account for it. The address \
below answers with one JSON object for each article, and the field `stock` says how many we have \
right now. Here is a small example in Python:

```python
import json
import urllib.request

URL = "https://saltmarsh.example/api/v1/stock?sku=PAN-26"

with urllib.request.urlopen(URL, timeout=5) as answer:
    item = json.load(answer)

print(item["name"], item["stock"])  # e.g. Cast-iron pan 7
```

Please ask at most once per minute, for the numbers change only when something is sold. If you \
would rather be told than ask, we can call a webhook of yours on every change. Write to us which \
articles you need, and we will set it up within a day.""",
    "person": """\
I understand, and a person will be glad to help you. I have passed our chat on to the team, so you \
do not have to explain everything again. Ms. Okafor is in the shop today until 6 p.m. and usually \
writes back within 20 minutes. If it is urgent, you can also call the shop, and the person at the \
counter will look after you at once. Outside opening hours we answer on the next working day, in \
the order in which messages came in. Is there anything I should add to my note for her?""",
    "thanks": """\
You are very welcome, it was a pleasure! If anything else comes to your mind, just write here, at \
any hour. I can look up orders, prepare returns, and tell you what is on the shelf right now. And \
when you cook something nice with it, we would love to see a photo.""",
    "other": """\
Hello, and thank you for writing to Saltmarsh Kitchen! We are a small shop for pans, knives and \
spices, and I am the assistant that answers here at any hour. I can tell you when we are open, \
look up an order, or help you to send something back. Many people ask about our cast-iron pan: it \
costs **$49.00**, lasts a lifetime, and is in stock in two sizes (26 and 30 cm). If you cook with \
gas, induction or on an open fire, it does not matter to the pan. I can also share a recipe, e.g. \
the lentil soup that we make on cold days. And if you would rather talk to a person, say so, and \
somebody from the team will write to you here. What can I do for you today?""",
}
