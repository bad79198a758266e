"""The lineages of checkpoints that can be imported; apart, so that the command line lists them without torch."""

KINDS = {
    "fake-mamba": "Fake-Mamba (arXiv 2508.09294), any depth",
    "xlsr-mamba": "XLSR-Mamba, dual column (arXiv 2411.10027)",
    "xlsr-conformer": "XLSR-Conformer with a class token",
    "xlsr-transformer": "the Transformer twin inside Fake-Mamba's study",
    "xlsr-conformer-pool": "the Conformer twin inside Fake-Mamba's study",
    "xls-r": "XLS-R alone, from fairseq or the Hugging Face Hub: a front-end to train on",
}
