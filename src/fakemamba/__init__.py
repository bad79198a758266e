"""Speech-deepfake detection on any machine: real, fake or unsure, where, and how sure."""

__version__ = "0.1.0"
