"""The main line: audio -> overlapping windows -> scorer -> log-likelihood ratios -> one `Result`.

The recording is streamed: only one batch of windows is held, and of each judged window five numbers remain. Where the
model's card says so, short windows of the same audio go the same way beside them, see `fakemamba.near`.
"""

import hashlib
import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from fakemamba import __version__
from fakemamba.audio import SAMPLE_RATE, AudioStream, Source, open_audio, windows
from fakemamba.checkpoint.folder import ModelCard, open_folder
from fakemamba.decision import Verdict
from fakemamba.errors import AudioError, CheckpointError, ConfigError
from fakemamba.hearing import Heard, Track
from fakemamba.judge import MIN_DURATION, MIN_SPEECH, Judge, abstention, judge_of, nothing_to_judge
from fakemamba.near import NearPass, near_notes, overlaid
from fakemamba.result import JudgedWindow, Result, Segment
from fakemamba.scorer import FloatArray, Scorer, filled
from fakemamba.scorers import open_scorer
from fakemamba.stream import Stream, StreamConfig
from fakemamba.timeline import Scored, Span, fake_span, overall, spans

BATCH = 4  # windows judged at once: enough to fill the cores, few enough for 300 MB, or an XLS-R system in 8 GB
_SHORTEST_WINDOW = SAMPLE_RATE // 4

# Seconds done, and seconds in all where the header tells.
Progress = Callable[[float, float | None], None]


def load(
    model: str | Path | None = None,
    device: str | None = None,
    *,
    threads: int | None = None,
    threshold: float | None = None,
    operating_point: str | None = None,
    precision: str | None = None,
) -> "Detector":
    """Open a model and return a `Detector`.

    Args:
        model: a built-in name, a model folder, or `owner/name[@revision]` on the Hub; None for the default model.
        device: "cpu", "cuda", "cuda:1", "mps", "xpu"; None for the CPU with an ONNX model, else CUDA if it is there.
        threads: CPU threads, up to four a core; None for all cores.
        threshold: log-likelihood ratio that separates fake from real, in place of the model's own; a raw score if the
            model is not calibrated, which without it answers unsure to everything.
        operating_point: a name from the model's card, such as "screening", in place of a threshold.
        precision: "bf16" for products in bfloat16 where torch runs the model: faster where the processor or GPU has
            bf16, scores to two digits; None or "fp32" for float32. An ONNX file has its own.

    Raises:
        CheckpointError: the model is missing, damaged or unsafe.
        MissingExtraError: the model needs torch, which is not installed.
        ConfigError: an option has a wrong value.
    """
    most = 4 * (os.cpu_count() or 1)  # far beyond it a machine only runs out of threads
    if threads is not None and not 1 <= threads <= most:
        raise ConfigError(f"threads must be from 1 to {most} here, not {threads}")
    if model is not None and not str(model).strip():
        raise ConfigError(
            "the model's name is empty: give a built-in name, a model folder or owner/name, or leave it out"
        )
    folder = open_folder(model)
    scorer, runs = open_scorer(folder, device, threads, precision)
    return Detector(
        scorer, folder.card, model_sha256=folder.card.files[runs], threshold=threshold, operating_point=operating_point
    )


class Detector:
    """Judges recordings with one model; holds no state between calls.

    Args:
        scorer: runs the model.
        card: says how to window and what the scores mean.
        model_sha256: of the weights, for the record.
        threshold: LLR that separates fake from real; None for the card's. The unsure band keeps its width around it.
            For a card without calibration it is a raw score, without a band; None gives no verdicts.
        operating_point: one of the card's, by name, in place of a threshold.

    Raises:
        ConfigError: the threshold is not a finite number, the card has no such operating point, or both are given.
        CheckpointError: the card's window is too short for its own front-end, or for any speech.
    """

    def __init__(
        self,
        scorer: Scorer,
        card: ModelCard,
        *,
        model_sha256: str = "",
        threshold: float | None = None,
        operating_point: str | None = None,
    ) -> None:
        self.judge = judge_of(card, threshold, operating_point)
        if card.model.window < max(scorer.shortest, _SHORTEST_WINDOW):
            raise CheckpointError(f"model {card.name}: a window of {card.model.window} samples is too short to judge")
        if card.near is not None and round(card.near.seconds * SAMPLE_RATE) < scorer.shortest:
            raise CheckpointError(
                f"model {card.name}: near windows of {card.near.seconds:g} s are too short for it; "
                "take the section near out of its card"
            )
        self.scorer = scorer
        self.card = card
        self.model_sha256 = model_sha256
        self.calibration = self.judge.calibration
        self.decision = self.judge.decision
        self.decides = self.judge.decides

    @property
    def window(self) -> float:
        """Seconds that are judged at once; windows start every half of it."""
        return self.card.model.window / SAMPLE_RATE

    def stream(self, config: StreamConfig | None = None, *, state: dict[str, Any] | None = None) -> Stream:
        """Judge audio while it runs; see `fakemamba.stream`.

        Args:
            config: hop, windows, operating point, evidence; None for the defaults, or those of the state.
            state: what `Stream.state` returned, also by way of JSON: the new stream goes on from there.

        Raises:
            ConfigError: the configuration does not fit the model, or the state is of another model or configuration.
        """
        return Stream(self.scorer, self.card.model, self._judge_at, (self.card.name, self.model_sha256), config, state)

    def _judge_at(self, threshold: float | None, operating_point: str | None) -> Judge:
        if threshold is None and operating_point is None:
            return self.judge
        return judge_of(self.card, threshold, operating_point)

    def warm_up(self) -> None:
        """Score a window of silence, so that no recording waits for what a first call compiles, loads and allocates."""
        self.scorer.score(np.zeros((1, self.card.model.window), dtype=np.float32))

    def detect(
        self, source: Source, on_progress: Progress | None = None, *, name: str | None = None, near: bool = True
    ) -> Result:
        """Judge one recording, of any length in bounded memory.

        Args:
            source: a path, a file's bytes, an open binary file, or (samples, rate); see `fakemamba.audio`.
            on_progress: called after each batch with the seconds done and, where known, the seconds in all.
            name: what to call the source in the result; None for its own name.
            near: take a near look too, where the model's card describes one; it changes no verdict on the whole.

        Raises:
            AudioError: the audio cannot be read.
            CheckpointError: the model gives scores that are not numbers.
        """
        track = Track()
        close = self._near_pass() if near else None
        with open_audio(source) as stream:
            for batch in self._batches(stream, track):
                self._judge(batch, track, close)
                if on_progress is not None:
                    on_progress(track.duration, stream.duration)
            notes = stream.warnings + self._notes()
            called = name or stream.name
        return self._answer(track, close, called, _sha256(source), notes)

    def _batches(self, stream: AudioStream, track: Track) -> Iterator[list[Heard]]:
        length = self.card.model.window
        heard = (track.hear(start, wave) for start, wave in windows(stream.blocks(), length, length // 2))
        while batch := list(itertools.islice(heard, BATCH)):
            yield batch

    def _near_pass(self) -> NearPass | None:
        if self.card.near is None:
            return None
        # As many samples at once as of the long windows, so that memory stays what it is.
        batch = BATCH * self.card.model.window // max(1, round(self.card.near.seconds * SAMPLE_RATE))
        return NearPass(self.card.near, self._score, batch)

    def _judge(self, batch: list[Heard], track: Track, close: NearPass | None) -> None:
        long_enough = track.duration >= MIN_DURATION
        chosen = [long_enough and heard.speech >= MIN_SPEECH and heard.outside is None for heard in batch]
        if close is not None:
            for heard, judged in zip(batch, chosen, strict=True):
                # What counts less in long windows says nothing in short ones.
                close.hear(heard, judged=judged and heard.condition not in self.judge.conditions)
        batch = list(itertools.compress(batch, chosen))
        if not batch:
            return
        scores = self._score(np.stack([filled(heard.wave, self.scorer, self.card.model) for heard in batch]))
        for heard, score in zip(batch, scores.tolist(), strict=True):
            start, end = heard.start / SAMPLE_RATE, (heard.start + len(heard.wave)) / SAMPLE_RATE
            llr = self.judge.llr(score, heard.condition)
            track.scored.append(Scored(start, end, heard.speech, score, llr))
            track.conditions[heard.condition] += 1

    def _score(self, waves: FloatArray) -> FloatArray:
        scores = self.scorer.score(waves)
        if not np.isfinite(scores).all():
            raise CheckpointError(f"model {self.card.name}: a score is not a number; its weights do not fit its card")
        return scores

    def _answer(
        self, track: Track, close: NearPass | None, source: str, source_sha256: str | None, notes: tuple[str, ...]
    ) -> Result:
        verdict: Verdict = "unsure"
        score = llr = None
        segments: list[Segment] = []
        near = None if close is None else close.finish(track.spoken)
        judged = bool(track.scored)
        reason = nothing_to_judge(track.duration, track.peak, track.speech, judged=judged, others=track.others)
        if reason is None:
            score, llr = overall(track.scored)
            found = self._spans(track)
            segments = [self._segment(span) for span in found]
            fake = fake_span(found)
            reason = abstention(track.speech, track.judged, track.others)
            if reason is None:
                verdict, reason = self.judge.conclude(llr, None if fake is None else (fake.start, fake.end))
                notes += track.notes() + self.judge.notes(track.condition())
                if near is not None:
                    segments = overlaid(segments, near.segments)
                    notes += near_notes(segments) if verdict != "fake" else ()
        return Result(
            source=source,
            source_sha256=source_sha256,
            duration=track.duration,
            speech=track.speech,
            verdict=verdict,
            p_fake=None if llr is None else self.judge.p_fake(llr),
            score=score,
            llr=llr if self.card.calibration else None,
            threshold=self.decision.threshold if self.decides else None,
            operating_point=self.judge.operating_point,
            reason=reason,
            segments=tuple(segments),
            timeline=tuple(self._window(scored) for scored in track.scored),
            near=None if near is None else near.scores,
            warnings=notes,
            model=self.card.name,
            model_sha256=self.model_sha256,
            precision=self.scorer.precision,
            version=__version__,
        )

    def _notes(self) -> tuple[str, ...]:
        if self.card.calibration is not None or not self.decides:
            return ()
        return (f"the model {self.card.name} is not calibrated: its score is no probability",)

    def _spans(self, track: Track) -> list[Span]:
        hop = self.window / 2
        return spans(
            track.scored,
            track.cell_speech(hop),
            hop=hop,
            duration=track.duration,
            judge=self.judge.verdict,
            merge=self.decides,
        )

    def _segment(self, span: Span) -> Segment:
        return Segment(
            start=span.start, end=span.end, verdict=span.verdict, p_fake=self.judge.p_fake(span.llr), score=span.score
        )

    def _window(self, scored: Scored) -> JudgedWindow:
        return JudgedWindow(
            start=scored.start,
            end=scored.end,
            speech=scored.speech,
            p_fake=self.judge.p_fake(scored.llr),
            llr=scored.llr if self.judge.calibrated else None,
            score=scored.score,
        )


def _sha256(source: Source) -> str | None:
    """Of a file's bytes; None for arrays, streams and what cannot be read twice."""
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest()
    if isinstance(source, str | Path) and Path(source).is_file():
        try:
            with Path(source).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise AudioError(f"{source}: cannot be read to its end: {error.strerror or error}") from error
    return None
