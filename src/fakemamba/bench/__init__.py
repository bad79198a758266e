"""How fast a detector is on this machine, beside the plain implementation measured in the same run.

    subjects.py   MODEL arguments -> what can be measured      backends.py  the ways to run one, by name
    plan.py       which sizes of clips, batches and threads    store.py     the output folder: one file a measured cell
    crew.py       processes side by side, one a way            worker.py    what such a process does
    run.py        rounds of all of them in turn                report.py    table, Markdown and JSON; pictures.py plots

Every way to run a model gets a fresh process of its own, so that peaks of memory are its own; the processes of one size
take turns, round by round, so that a busy machine slows all of them alike and their ratio stands.
"""
