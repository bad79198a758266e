"""The maps of embeddings as a section."""

from functools import partial

from fakemamba.paper.experiments import Experiment
from fakemamba.paper.figures import map_figure
from fakemamba.paper.layout import NOT_RUN, Cell, Grid, Picture, Section, once, words
from fakemamba.paper.machine import words as machine_words
from fakemamba.paper.maps import MOST, Map
from fakemamba.paper.plan import cells_of
from fakemamba.paper.rates import TITLES, counts
from fakemamba.paper.study import Study


def section(study: Study, experiment: Experiment) -> Section:
    """A picture a map, and a number that does not depend on the layout."""
    cells = [cell for cell in cells_of(study, experiment) if isinstance(cell, Map)]
    rows, pictures, machines = [], [], []
    for cell in cells:
        found = cell.numbers(study)
        title = f"{cell.training.run} on {TITLES[cell.corpus]}"
        if found is None:
            rows.append((words(title), NOT_RUN))
            continue
        machines.append(machine_words(found["machine"]))
        genuine = sum(found["labels"])
        share = Cell(
            f"{100 * found['agreement']:.1f} %",
            (counts(genuine, len(found["labels"]) - genuine),),
            data={"agreement": found["agreement"]},
        )
        rows.append((words(title), share))
        for method, key in (("t-SNE", "tsne"), ("UMAP", "umap")):
            if key in found:
                draw = partial(
                    map_figure, found[key], found["labels"], title=f"{method}: {TITLES[cell.corpus]}", method=method,
                    miniature=study.miniature,
                )  # fmt: skip
                caption = f"{method} of {title}. Distances between groups and their sizes mean nothing in such maps."
                pictures.append(Picture(f"{experiment.name}-{cell.corpus}-{key}", caption, draw))
    caption = (
        "Balanced accuracy of a vote of the ten nearest neighbours in the embedding space itself, the clip left out; "
        f"50 % is chance. At most {MOST} clips of either class, drawn by the seed, bona fide / spoofed."
    )
    grid = Grid("Do neighbours agree?", (words("system and data"), words("agreement")), tuple(rows), (), (caption,))
    return Section(
        name=experiment.name, title=experiment.title, done=len(machines), total=len(cells), about=(experiment.about,),
        grids=(grid,), pictures=tuple(pictures), machines=once(machines),
    )  # fmt: skip
