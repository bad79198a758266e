"""A cell that is a map: embeddings of a trained system, laid out in the plane."""

import shlex
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fakemamba.checkpoint.folder import open_folder
from fakemamba.data.dataset import Dataset
from fakemamba.data.waves import read_wave
from fakemamba.errors import MissingExtraError
from fakemamba.paper.machine import machine
from fakemamba.paper.study import Library, Study, read_json, write_json
from fakemamba.paper.training import Say, Training

MOST = 1000  # clips of either class, drawn by the seed
NEIGHBOURS = 10
Vectors = NDArray[np.float64]


@dataclass(frozen=True)
class Map:
    """The embeddings of one training on one corpus."""

    training: Training
    corpus: str

    @property
    def name(self) -> str:
        return f"map {self.training.run} on {self.corpus}"

    @property
    def after(self) -> Training:
        """What must be there first."""
        return self.training

    def file(self, study: Study) -> Path:
        return study.out / "embeddings" / f"{self.training.run}.{self.corpus}.json"

    def done(self, study: Study) -> bool:
        return self.file(study).exists()

    def make(self, study: Study, library: Library, say: Say) -> None:
        """Embed a sample of the clips, as the fixed protocol hears them, and lay it out."""
        dataset = draw(library.dataset(self.corpus), MOST, study.first_seed)
        vectors = _embed(self.training.model(study), dataset, study, say)
        say("laying out")
        document = {
            "miniature": study.miniature,
            "model_sha256": open_folder(self.training.model(study)).sha256,
            "machine": machine(study.device),
            "dataset": dataset.name,
            "labels": dataset.labels.tolist(),
            "attacks": [u.attack for u in dataset.utterances],
            "agreement": agreement(vectors, dataset.labels),
            "neighbours": min(NEIGHBOURS, len(dataset) - 1),
            "tsne": _rounded(tsne(vectors, study.first_seed)),
        }
        if find_spec("umap") is not None:
            document["umap"] = _rounded(_umap(vectors, study.first_seed))
        write_json(self.file(study), document)

    def command(self, study: Study) -> str:
        return shlex.join(["fakemamba", "paper", "embeddings", "--out", str(study.out)])

    def numbers(self, study: Study) -> dict[str, Any] | None:
        """What was written, None before."""
        return read_json(self.file(study)) if self.done(study) else None


def draw(dataset: Dataset, most: int, seed: int) -> Dataset:
    """At most `most` of either class, in the data set's order."""
    rng = np.random.default_rng(seed)
    labels = dataset.labels
    kept: set[int] = set()
    for label in (0, 1):
        kept |= set(rng.permutation(np.flatnonzero(labels == label))[:most].tolist())
    ids = {id(dataset.utterances[row]) for row in kept}
    return dataset.where(lambda utterance: id(utterance) in ids)


def agreement(vectors: Vectors, labels: NDArray[np.int64]) -> float:
    """Balanced accuracy of a vote of each clip's nearest neighbours in the full space, itself left out.

    A number that the layout in the plane, which keeps neither distances nor densities, cannot give.
    """
    squares = (vectors**2).sum(axis=1)
    distances = squares[:, None] + squares - 2 * vectors @ vectors.T  # (n, n)
    np.fill_diagonal(distances, np.inf)
    nearest = np.argsort(distances, axis=1, kind="stable")[:, : min(NEIGHBOURS, len(vectors) - 1)]
    right = (labels[nearest] == labels[:, None]).mean(axis=1)
    votes = np.where(right == 0.5, 0.5, right > 0.5)  # a tie is half right
    return float(np.mean([votes[labels == label].mean() for label in np.unique(labels)]))


def tsne(vectors: Vectors, seed: int) -> Vectors:
    """(n, D) -> (n, 2); MissingExtraError without scikit-learn."""
    try:
        from sklearn.manifold import TSNE
    except ImportError as error:
        raise MissingExtraError("a map of embeddings", "paper") from error
    perplexity = min(30.0, (len(vectors) - 1) / 3)
    found: Vectors = TSNE(init="pca", perplexity=perplexity, random_state=seed).fit_transform(vectors)
    return found


def _umap(vectors: Vectors, seed: int) -> Vectors:
    from umap import UMAP

    near = min(15, len(vectors) - 1)
    found: Vectors = UMAP(n_neighbors=near, init="random", random_state=seed, n_jobs=1).fit_transform(vectors)
    return found


def _embed(model: Path, dataset: Dataset, study: Study, say: Say) -> Vectors:
    import torch

    from fakemamba.checkpoint.torch_io import load_system

    folder = open_folder(model)
    system, window = load_system(folder).to(study.device), folder.card.model.window
    parts = []
    for start in range(0, len(dataset), study.batch):
        some = dataset.utterances[start : start + study.batch]
        waves = torch.from_numpy(np.stack([read_wave(u, window) for u in some])).to(study.device)  # (B, N)
        with torch.inference_mode():
            parts.append(system.embed(waves).double().cpu().numpy())
        say(f"{start + len(some)} of {len(dataset)} clips")
    return np.concatenate(parts)


def _rounded(points: Vectors) -> list[list[float]]:
    return [[round(float(x), 3), round(float(y), 3)] for x, y in points]
