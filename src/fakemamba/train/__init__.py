"""Training: batches by number -> one loop on Accelerate -> a run folder with weights, log and card.

    settings.py   what a run is: one frozen tree from TOML        losses.py     what is minimised
    corpus.py     utterances -> batches                           optimiser.py  groups, rates, schedule
    loop.py       the loop                                        average.py    EMA, mean of the best epochs
    state.py      a checkpoint: whole or not at all               folder.py     what a run leaves behind
    processes.py  the same losses on one process and on many      dev.py        the look at dev after an epoch

The loop knows two seams: `Batches` (batches by number) and `Look` (a number to minimise), so corpora and the recipe of
the built-in model use the same one.
"""
