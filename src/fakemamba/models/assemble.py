"""The one translator from configuration to modules, which know plain numbers only."""

from collections.abc import Callable

from torch import nn

from fakemamba.config import CepstraConfig, EncoderConfig, ModelConfig
from fakemamba.errors import ConfigError
from fakemamba.models.blocks import ConBiMamba, PnBiMamba, TransBiMamba
from fakemamba.models.cepstra import Cepstra
from fakemamba.models.conformer import Conformer, Transformer
from fakemamba.models.encoders import DualMamba, Stack
from fakemamba.models.modulation import Modulation
from fakemamba.models.pooling import AttentionPool, DualPool, MeanPool, TokenPool
from fakemamba.models.recogniser import Recogniser
from fakemamba.models.spectrum import Spectrum
from fakemamba.models.statistics import Facets, StatisticsSystem
from fakemamba.models.system import EncodedSystem, System
from fakemamba.models.xlsr import XLSR

POOLS: dict[str, Callable[[int], nn.Module]] = {
    "attention": AttentionPool,
    "mean": MeanPool,
    "class_token": TokenPool,
    "dual": DualPool,
}


def build(config: ModelConfig, frontend: nn.Module | None = None) -> System:
    """A system with random weights; `frontend` stands in for the configured one, for tests and caches of features.

    Raises:
        ConfigError: parts that don't fit together.
    """
    kind = config.encoder.kind
    statistics = isinstance(config.frontend, CepstraConfig)
    if not statistics == (kind == "none") == (config.pooling == "statistics"):
        raise ConfigError("frontend 'cepstra', encoder 'none' and pooling 'statistics' only go together")
    if statistics and config.score == "cosine":
        raise ConfigError(
            "score 'cosine' is of an embedding: frontend 'cepstra' has none to learn; choose another score"
        )
    if statistics:
        dropout = config.encoder.dropout
        return StatisticsSystem(frontend or _frontend(config), width=config.width, dropout=dropout, score=config.score)
    if (config.pooling == "dual") != (kind == "dual_mamba"):
        raise ConfigError("pooling 'dual' and encoder 'dual_mamba' only go together")
    if kind == "dual_mamba" and config.encoder.depth % 2:
        raise ConfigError(f"dual_mamba: depth {config.encoder.depth} must be even, half of it is each column's")
    encoder = _encoder(config.encoder, config.width, token=config.pooling == "class_token")
    pool = POOLS[config.pooling](int(encoder.out_width))  # type: ignore[arg-type]
    return EncodedSystem(frontend or _frontend(config), encoder, pool, width=config.width, score=config.score)


def _frontend(config: ModelConfig) -> nn.Module:
    part = config.frontend
    if isinstance(part, CepstraConfig):
        return statistics_frontend(part)
    kinds: dict[str, Callable[..., nn.Module]] = {"xlsr": XLSR, "spectrum": Spectrum}
    return kinds[part.kind](**part.model_dump(exclude={"kind"}))


def statistics_frontend(c: CepstraConfig) -> Facets:
    """All kinds of statistics that a configuration asks for; a recogniser has random weights."""
    parts: dict[str, nn.Module] = {"cepstra": Cepstra(c.ffts, c.hop)}
    if c.modulation:
        parts["modulation"] = Modulation()
    if c.recogniser:
        parts["recogniser"] = Recogniser(**c.recogniser.model_dump())
    return Facets(parts)


def _encoder(c: EncoderConfig, width: int, *, token: bool) -> nn.Module:
    ssm = (width, c.state, c.conv, c.expand)
    if c.kind == "dual_mamba":
        return DualMamba(width, c.depth, c.state, c.conv, c.expand)

    def pn(*, bidirectional: bool) -> nn.Module:
        return PnBiMamba(
            *ssm, bidirectional=bidirectional, norm=c.norm, ffn=c.ffn, ffn_mult=c.ffn_mult, dropout=c.dropout
        )

    def attention(block: Callable[..., nn.Module], **more: int) -> nn.Module:
        return block(width, c.heads, c.head_width, ffn_mult=c.ffn_mult, dropout=c.dropout, **more)

    blocks: dict[str, Callable[[], nn.Module]] = {
        "pn_bimamba": lambda: pn(bidirectional=True),
        "pn_mamba": lambda: pn(bidirectional=False),
        "con_bimamba": lambda: ConBiMamba(*ssm, ffn_mult=c.ffn_mult, kernel=c.kernel, dropout=c.dropout),
        "trans_bimamba": lambda: TransBiMamba(*ssm, ffn_mult=c.ffn_mult, dropout=c.dropout),
        "transformer": lambda: attention(Transformer),
        "conformer": lambda: attention(Conformer, conv_expand=c.conv_expand, kernel=c.kernel),
    }
    return Stack(blocks[c.kind], c.depth, width, token=token)
