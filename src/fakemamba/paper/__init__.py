"""The experiments of Fake-Mamba (arXiv 2508.09294) as commands: what `fakemamba paper NAME` runs and reports.

    experiments -> plan: cells -> each cell a folder or a file that is made once -> sections -> report

    systems.py     what is compared                     published.py  numbers of others, with their sources
    recipe.py      how it is trained                    experiments.py  the tables and figures by name
    study.py       one output folder and its options    plan.py       which cells an experiment is made of
    training.py, scoring.py, speed.py, forms.py, maps.py   one kind of cell each
    error_rates.py, durations.py, timings.py, scatter.py   cells -> sections
    layout.py, html.py, text.py, figures.py, report.py     sections -> terminal, JSON, web page

A cell that is there is never made again, so the same command goes on after any interruption.
"""
