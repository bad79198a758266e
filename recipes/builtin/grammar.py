"""English sentences without end, from small lists: what a synthesizer says must not tell it apart."""

import numpy as np

WHO = (
    "my sister",
    "the plumber",
    "our teacher",
    "a nurse from Leeds",
    "the new tenant",
    "Doctor Mwangi",
    "the judge",
    "a tired courier",
    "the youngest of them",
    "Mister Okafor",
    "the goalkeeper",
    "your cousin Ana",
    "the bank clerk",
    "an old sailor",
    "the night porter",
    "everyone in the office",
    "Professor Lindqvist",
    "the woman upstairs",
)
DID = (
    "forgot",
    "painted",
    "returned",
    "borrowed",
    "repaired",
    "described",
    "hid",
    "measured",
    "photographed",
    "sold",
    "ordered",
    "signed for",
    "washed",
    "carried home",
    "argued about",
    "could not find",
    "never mentioned",
)
WHAT = (
    "the green bicycle",
    "a box of spanners",
    "three library books",
    "the kitchen scales",
    "a letter from the council",
    "the spare keys",
    "half of the potatoes",
    "an unusually large pumpkin",
    "the train tickets",
    "a broken umbrella",
    "the choir's piano",
    "two jars of honey",
    "the insurance papers",
    "a map of the harbour",
    "the wedding shoes",
    "the password",
    "a very quiet kettle",
    "the last slice of cheesecake",
)
WHEN = (
    "on Thursday",
    "before breakfast",
    "in the middle of the night",
    "after the match",
    "at quarter past nine",
    "when the lights went out",
    "during the storm",
    "last February",
    "as soon as it stopped raining",
    "without a word",
    "for the third time this year",
    "while we were waiting outside",
    "on the way to Glasgow",
)
WHY = (
    "because nobody else would",
    "so that the others could sleep",
    "which surprised us all",
    "though it was far too late",
    "and then asked for a receipt",
    "if I remember rightly",
    "as the rules require",
    "and nobody noticed",
    "to save about forty pounds",
    "despite the weather",
)
ASK = (
    "Could you tell me whether",
    "Do you think that",
    "Is it true that",
    "Who told you that",
    "I wonder if",
    "Please find out whether",
    "Are you certain that",
)
SHORT = (
    "Hold the line, please.",
    "That will be fine.",
    "Wait, what did you say?",
    "No, not that one.",
    "Thank you, goodbye.",
    "I'll call you back.",
    "It was only a joke.",
    "Turn left at the church.",
    "Perhaps tomorrow.",
    "Yes, of course!",
    "How very odd.",
    "You must be joking.",
    "Let's start again.",
    "Somebody should ask her.",
)


def english(rng: np.random.Generator) -> str:
    """One to two sentences, 2-25 words."""
    who, did, what, when, why = (str(rng.choice(words)) for words in (WHO, DID, WHAT, WHEN, WHY))
    forms = (
        f"{who[0].upper()}{who[1:]} {did} {what} {when}.",
        f"{who[0].upper()}{who[1:]} {did} {what}, {why}.",
        f"{when[0].upper()}{when[1:]}, {who} {did} {what}, {why}.",
        f"{rng.choice(ASK)} {who} {did} {what} {when}?",
        f"{rng.choice(SHORT)} {who[0].upper()}{who[1:]} {did} {what}.",
        f"{rng.choice(SHORT)} {rng.choice(SHORT)}",
        f"There are {rng.integers(2, 900)} reasons why {who} {did} {what}.",
        f"{who[0].upper()}{who[1:]} said: {rng.choice(SHORT)}",
    )
    return forms[int(rng.integers(len(forms)))]
