"""Trains one small vocoder on human training speech and keeps it at an early and at a late step."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile as sf
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from recipes.builtin import keep
from recipes.builtin.manifest import RATE, Clip, Wave
from recipes.builtin.vocoders.losses import Judges, SpectralLoss
from recipes.builtin.vocoders.nets import Codec, SourceFilter

JUDGED = 2  # crops of a batch: judges cost four times what the vocoder does


@dataclass(frozen=True)
class Plan:
    """One vocoder to train; `marks` are the steps at which it is kept, the last of which ends the training."""

    name: str
    family: str
    build: Callable[[], nn.Module]
    marks: tuple[int, ...]
    judged: bool = True  # also trained against judges, in the last third
    seconds: float = 0.6  # of a crop
    count: int = 5  # crops in a batch
    rate: float = 8e-4


def pitch_of(wave: Wave, hop: int) -> Wave:
    """(N // hop + 1,) in Hz, 0 where unvoiced."""
    import pyworld  # type: ignore[import-untyped]

    pitch, _ = pyworld.dio(wave.astype(np.float64), RATE, frame_period=1000 * hop / RATE)
    return np.resize(pitch, len(wave) // hop + 1).astype(np.float32)


def apply(net: nn.Module, waves: Tensor, rng: np.random.Generator) -> Tensor:
    """Copy a batch (B, N); codecs at a random bit rate, source-filters with the pitch that they need."""
    if isinstance(net, Codec):
        return net(waves, int(rng.integers(2, net.count + 1)))  # type: ignore[no-any-return]
    if isinstance(net, SourceFilter):
        pitch = torch.from_numpy(np.stack([pitch_of(wave, net.hop) for wave in waves.numpy()]))
        return net(waves, pitch)  # type: ignore[no-any-return]
    return net(waves)  # type: ignore[no-any-return]


def load_speech(clips: list[Clip], most: float = 3600.0) -> list[Wave]:
    """The waves of the first clips, up to `most` seconds."""
    waves, total = [], 0.0
    for clip in clips:
        if clip.seconds < 1.0:
            continue
        waves.append(sf.read(clip.path, dtype="float32")[0])
        total += clip.seconds
        if total > most:
            break
    return waves


def crops(speech: list[Wave], plan: Plan, rng: np.random.Generator) -> Tensor:
    """(count, N), scaled to a random peak."""
    length, rows = int(plan.seconds * RATE) // 3200 * 3200, []
    for index in rng.integers(len(speech), size=plan.count):
        wave = speech[index]
        start = int(rng.integers(len(wave) - length + 1))
        row = wave[start : start + length]
        rows.append(row * (rng.uniform(0.2, 0.95) / max(float(np.abs(row).max()), 0.02)))
    return torch.from_numpy(np.stack(rows).astype(np.float32))


def train(plan: Plan, speech: list[Wave], folder: Path, seed: int, say: Callable[[str], None]) -> None:
    """Fill `folder` with NAME-STEP.safetensors for every mark; nothing is done twice."""
    if path(plan, plan.marks[-1], folder).exists():
        return
    torch.manual_seed(seed)
    rng, net, spectral, judges = np.random.default_rng(seed), plan.build(), SpectralLoss(), Judges()
    last, start = plan.marks[-1], time.process_time()
    ours = torch.optim.AdamW(net.parameters(), lr=plan.rate, betas=(0.8, 0.95))
    theirs = torch.optim.AdamW(judges.parameters(), lr=plan.rate / 2, betas=(0.8, 0.95))
    rates = torch.optim.lr_scheduler.OneCycleLR(ours, plan.rate, last, pct_start=0.05)
    for step in range(1, last + 1):
        wave = crops(speech, plan, rng)
        with torch.autocast("cpu", torch.bfloat16):
            made = apply(net, wave, rng)
            loss = 5.0 * spectral(made, wave)
            if plan.judged and step > 2 * last // 3:
                judged = made[:JUDGED], wave[:JUDGED]
                verdict = judges.learn(judged[0].detach(), judged[1])
                theirs.zero_grad()
                verdict.backward()
                theirs.step()
                loss = loss + judges.please(*judged)
        ours.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        ours.step()
        rates.step()
        if step in plan.marks:
            with keep.whole(path(plan, step, folder)) as partial:
                save_file(net.state_dict(), partial)
        if step % 50 == 0 or step == last:
            pace = (time.process_time() - start) / step
            say(f"{plan.name}: step {step}/{last}, loss {float(loss.detach()):.2f}, {pace:.2f} CPU s/step")


def path(plan: Plan, step: int, folder: Path) -> Path:
    """Where a mark is kept."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{plan.name}-{step}.safetensors"


def load(plan: Plan, step: int, folder: Path) -> nn.Module:
    """A vocoder as it was at a mark."""
    net = plan.build()
    net.load_state_dict(load_file(path(plan, step, folder)))
    return net.eval()
