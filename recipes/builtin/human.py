"""Human speech from Debian packages: games, drawing programs, telephone prompts, a voice database."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile as sf

from recipes.builtin.manifest import RATE, Clip, Wave, cut, save, to_rate
from recipes.builtin.packages import debian
from recipes.builtin.steps import Context


@dataclass(frozen=True)
class Package:
    """Where recordings lie in a package and what is known of them."""

    name: str
    pattern: str
    speaker: str
    language: str
    licence: str
    split: str
    clips: int  # at most


PACKAGES = (
    Package("festvox-ru", "wav/*.wav", "msu_ru_nsh", "ru", "BSD-like", "train", 300),
    Package("fillets-ng-data-cs", "cs/*.ogg", "fillets-cs", "cs", "GPL-2", "train", 500),
    Package("asterisk-core-sounds-en-g722", "*.g722", "asterisk-en", "en", "CC-BY-SA-3.0", "train", 150),
    Package("asterisk-core-sounds-es-g722", "*.g722", "asterisk-es", "es", "CC-BY-SA-3.0", "train", 120),
    Package("asterisk-core-sounds-fr-g722", "*.g722", "asterisk-fr", "fr", "CC-BY-SA-3.0", "train", 150),
    Package("asterisk-core-sounds-it-g722", "*.g722", "asterisk-it", "it", "CC-BY-SA-3.0", "train", 150),
    Package("ktuberling-data", "sounds/*/*.*", "ktuberling", "mixed", "GPL-2+", "train", 300),
    Package("klettres-data", "*.ogg", "klettres", "mixed", "GPL-2+", "train", 200),
    # Held out of the first model and opened then; they train the next one.
    Package("tuxpaint-stamps-default", "*_desc*.ogg", "tuxpaint", "mixed", "GPL-2", "train", 400),
    Package("asterisk-core-sounds-ru-g722", "*.g722", "asterisk-ru", "ru", "CC-BY-SA-3.0", "train", 150),
    # Opened once, when everything is chosen.
    Package("fillets-ng-data-nl", "nl/*.ogg", "fillets-nl", "nl", "GPL-2", "test", 300),
)


def decode(path: Path) -> Wave:
    """Any recording as 16 kHz mono; an unreadable one is empty."""
    if path.suffix in {".g722", ".gsm"}:
        command = ["ffmpeg", "-v", "quiet", "-f", path.suffix[1:], "-i", str(path), "-ac", "1", "-ar", str(RATE)]
        done = subprocess.run([*command, "-f", "f32le", "-"], capture_output=True, check=False)
        return np.frombuffer(done.stdout, np.float32)
    try:
        wave, rate = sf.read(path, dtype="float32", always_2d=True)
    except sf.LibsndfileError:
        return np.zeros(0, np.float32)
    return to_rate(wave.mean(axis=1), rate)


def collect(package: Package, work: Path, rng: np.random.Generator) -> Iterator[Clip]:
    """Cut a package's recordings into clips, in random order, until it has given its share."""
    root = debian(package.name, work)
    files = sorted(p for p in root.rglob(package.pattern) if p.suffix in {".wav", ".ogg", ".g722", ".gsm"})
    made = 0
    for index in rng.permutation(len(files)):
        path = files[index]
        # Games keep one folder a language; the name before the first dash is often the role.
        language = path.parent.name if package.language == "mixed" else package.language
        for part, wave in enumerate(cut(decode(path), rng)):
            if part > 2 or made >= package.clips:
                break
            out, seconds = save(work / "audio" / package.name, f"{index:05d}-{part}", wave)
            made += 1
            yield Clip(str(out), "bonafide", package.split, "human", "human", package.speaker, language,
                       package.name, package.licence, seconds)  # fmt: skip
        if made >= package.clips:
            return


def all_human(context: Context) -> Iterator[Clip]:
    """Every package's clips."""
    for number, package in enumerate(PACKAGES):
        share = replace(package, clips=context.amount(package.clips))
        yield from collect(share, context.work, np.random.default_rng([context.seed, 1, number]))
