"""`Stream`: chunks in, events out, with the scoring in between open to whoever batches over many streams."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from fakemamba.audio import FRAME, SAMPLE_RATE
from fakemamba.audio.intake import Intake
from fakemamba.config import ModelConfig
from fakemamba.errors import AudioError, ConfigError
from fakemamba.judge import Judge
from fakemamba.scorer import FloatArray, Scorer, filled
from fakemamba.stream.config import StreamConfig, window_samples
from fakemamba.stream.events import Event
from fakemamba.stream.listener import Listener, Look, Window
from fakemamba.stream.saved import Saved, SavedIntake, SavedListener, packed, read_saved, unpacked
from fakemamba.stream.track import Track, Tracker

_PIECE = 10 * SAMPLE_RATE  # samples of a long chunk that `feed` judges before it takes the next
_MOST_TAIL = 4_000_000  # samples that the oddest rate keeps back


class Stream:
    """One running recording; made by `Detector.stream`.

        stream = detector.stream()
        for chunk in microphone:
            for event in stream.feed(chunk, 48_000):
                print(event.to_dict())
        print(stream.end()[-1])

    The same audio gives the same events however it is cut into chunks, and whether or not the state was saved and
    restored on the way. Memory and the cost of a hop do not grow with the length.

    Args:
        scorer, model, judge: of the detector.
        model_id: name and SHA-256 of the model, for the state.
        config: see `StreamConfig`.
        state: what `state()` returned, to go on from there; its own configuration holds, a different one is refused.

    Raises:
        ConfigError: the windows do not fit the model, or the state belongs to another model or configuration.
    """

    def __init__(
        self,
        scorer: Scorer,
        model: ModelConfig,
        judge: Callable[[float | None, str | None], Judge],
        model_id: tuple[str, str],
        config: StreamConfig | None = None,
        state: dict[str, Any] | None = None,
    ) -> None:
        saved = None if state is None else read_saved(state)
        if saved is not None:
            _check_same(saved, model_id, config)
            config = saved.config
        self.config = config or StreamConfig()
        self._scorer, self._model, self._model_id = scorer, model, model_id
        first, near, longest = window_samples(self.config, model.window)
        self._listener = Listener(
            hop=round(self.config.hop * SAMPLE_RATE),
            first=first,
            near=near,
            longest=longest,
            pause=round(self.config.pause * SAMPLE_RATE / FRAME),
        )
        self._tracker = Tracker(
            judge(self.config.threshold, self.config.operating_point),
            model_id[0],
            start_evidence=self.config.start_evidence,
            end_evidence=self.config.end_evidence,
            pause=self.config.pause,
        )
        self._intake, self._track = Intake(), Track()
        self._looks: list[Look] = []
        self._scores: list[float] = []
        self._phase: Literal["running", "finished", "ended"] = "running"
        if saved is not None:
            self._restore(saved)

    @property
    def time(self) -> float:
        """Seconds of audio taken in."""
        return self._listener.total / SAMPLE_RATE

    def feed(self, chunk: ArrayLike, rate: float | None = None) -> list[Event]:
        """Take audio and judge what it completes.

        Args:
            chunk: (n,) or (n, channels) samples, n >= 0; floats in [-1, 1], or int16 and other integers at full range.
            rate: Hz, 4 000 to 768 000; None for that of the chunk before, 16 000 at first.

        Returns:
            The events in the order of time, often none.

        Raises:
            AudioError: the samples or the rate make no sense (the chunk is dropped, the stream can go on), or the
                stream has ended.
            ConfigError: windows of a `push` wait for their scores.
            CheckpointError: the model fails; the stream cannot go on.
        """
        self._refuse_if_waiting()
        wave = self._take(chunk, rate)
        events: list[Event] = []
        for start in range(0, max(1, len(wave)), _PIECE):
            windows = self._hear(wave[start : start + _PIECE])
            events += self.settle(score_windows(self._scorer, windows))
        return events

    def end(self) -> list[Event]:
        """Judge what is left and sum up; the last event is an `End`. Raises AudioError if it has ended already."""
        self._refuse_if_waiting()
        return self.settle(score_windows(self._scorer, self.finish()))

    def push(self, chunk: ArrayLike, rate: float | None = None) -> list[Window]:
        """As `feed`, but the caller scores: returns the windows that need a score, in order; often none.

        Their scores go to `settle`, soon or after more pushes. A long chunk gives many windows: about four a second.
        """
        return self._hear(self._take(chunk, rate))

    def finish(self) -> list[Window]:
        """As `end`, but the caller scores: returns the last windows; the last `settle` then returns the `End`."""
        self._refuse_if_over()
        windows = self._hear(self._intake.flush())
        windows += self._queue(self._listener.last())
        self._phase = "finished"
        return windows

    def settle(self, scores: ArrayLike) -> list[Event]:
        """Take the scores of the windows longest due, and return the events that they allow.

        Args:
            scores: (k,) raw scores in the order of the windows, possibly of some only; k = 0 is allowed, and needed
                where a push returned no windows, because silence has its events too.

        Raises:
            ConfigError: more scores than windows are due.
            CheckpointError: a score is not a number.
        """
        self._scores += [float(score) for score in np.asarray(scores, dtype=np.float64).ravel()]
        due = sum(look.scores for look in self._looks)
        if len(self._scores) > due:
            del self._scores[due:]
            raise ConfigError(
                f"more scores than the {due} windows that are due; give each window's score once, in order"
            )
        events: list[Event] = []
        while self._looks and self._looks[0].scores <= len(self._scores):
            look = self._looks.pop(0)
            own, self._scores = self._scores[: look.scores], self._scores[look.scores :]
            events += self._tracker.see(self._track, look, own)
        if self._phase == "finished" and not self._looks:
            self._phase = "ended"
            events += self._tracker.close(self._track, self.time, self._listener.peak)
        return events

    def state(self) -> dict[str, Any]:
        """All that the stream remembers, as plain values for JSON (about 0.4 MB); see `Detector.stream`.

        Windows that wait for a score are the caller's to keep; that they wait is remembered.
        """
        intake, listener = self._intake, self._listener
        return Saved(
            format=1,
            model=self._model_id,
            config=self.config,
            intake=SavedIntake(intake.rate, intake.taken, intake.before, packed(intake.tail)),
            listener=SavedListener(
                packed(listener.kept), listener.total, listener.looked, listener.peak, listener.judged
            ),
            track=self._track,
            looks=self._looks,
            scores=self._scores,
            phase=self._phase,
        ).to_dict()

    def _restore(self, saved: Saved) -> None:
        intake, heard, listener = saved.intake, saved.listener, self._listener
        self._intake = Intake(intake.rate, intake.taken, intake.before, unpacked(intake.tail, _MOST_TAIL))
        fresh = heard.total - heard.looked
        expected = min(heard.total, listener.longest + fresh)
        listener.kept = unpacked(heard.kept, listener.longest + listener.hop)
        if not 0 <= fresh < listener.hop or len(listener.kept) != expected:
            raise ConfigError("the stream's state: its samples do not fit its times; give what Stream.state() returned")
        listener.total, listener.looked = heard.total, heard.looked
        listener.peak, listener.judged = heard.peak, heard.judged
        self._track, self._looks, self._scores, self._phase = saved.track, saved.looks, saved.scores, saved.phase

    def _take(self, chunk: ArrayLike, rate: float | None) -> FloatArray:
        self._refuse_if_over()
        return self._intake.add(chunk, rate)

    def _hear(self, wave: FloatArray) -> list[Window]:
        return self._queue(self._listener.hear(wave))

    def _queue(self, heard: list[tuple[Look, list[Window]]]) -> list[Window]:
        self._looks += [look for look, _ in heard]
        return [
            Window(filled(window.wave, self._scorer, self._model), window.start, window.end)
            for _, windows in heard
            for window in windows
        ]

    def _refuse_if_waiting(self) -> None:
        if self._looks:
            due = sum(look.scores for look in self._looks) - len(self._scores)
            raise ConfigError(f"{due} windows of this stream wait for their scores: settle them before it goes on")

    def _refuse_if_over(self) -> None:
        if self._phase != "running":
            raise AudioError("this stream has ended; start another one")


def score_windows(scorer: Scorer, windows: Sequence[Window]) -> FloatArray:
    """(k,) raw scores, one window after the other.

    In a batch a model's last digits may depend on its neighbours; alone, the same audio always gives the same events.
    """
    scores = [scorer.score(window.wave[None]) for window in windows]
    return np.concatenate([np.zeros(0, np.float32), *scores])


def _check_same(saved: Saved, model_id: tuple[str, str], config: StreamConfig | None) -> None:
    if saved.model != model_id:
        raise ConfigError(f"the stream's state: belongs to another model than {model_id[0]}, or to other weights of it")
    if config is not None and config != saved.config:
        raise ConfigError("the stream's state: was made with another configuration; leave config out to go on with it")
