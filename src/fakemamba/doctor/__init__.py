"""What is installed, what will run, and whether it works: `fakemamba doctor`.

Everything that could fail (a broken package, a library that crashes Python) is tried in a process of its own: the
doctor itself needs the standard library alone and always answers.

    features.py   what each package is for            probe.py      imports them, in a process of its own
    selftest.py   judges a shipped clip, likewise     examine.py    asks both and draws the conclusions
"""
