"""Decide which model names and arguments of a stranger's entry may be used to load a network.

Libraries take arguments that unpickle files, fetch repositories or run code, and each version adds
more. So this is a list of what is allowed, not of what is forbidden: names of libraries' networks,
and plain values of parameters that shape an architecture. Which weights to load is the reader's own
choice. Users may give anything on their own command line.
"""

import re
from collections.abc import Iterator, Mapping

_WORD = r"[A-Za-z0-9][A-Za-z0-9_.-]*"
_OF_A_LIBRARY = re.compile(rf"(timm|torchvision|caffe|baseline)/{_WORD}")
_SAFE_TO_TYPE = re.compile(rf"transformers/{_WORD}/{_WORD}|open_clip/{_WORD}")
"""Names of models that may fetch files: no stranger's entry loads them, but users may type them."""

_LARGEST = 10_000
_LONGEST = 16
_TEXT = re.compile(r"[A-Za-z0-9_]{0,40}")
"""Texts without dots and slashes, which therefore name no file and no address."""

ARCHITECTURAL = {
    source: frozenset(re.findall(r"\w+", names))
    for source, names in {
        "timm": """
            act_layer always_partition attn_drop_rate avg_down cardinality class_token depth depths
            drop_path_rate drop_rate dynamic_img_pad dynamic_img_size embed_dim embed_dims fc_norm
            global_pool head_norm_first img_size init_values mlp_ratio norm_eps norm_layer
            num_classes num_features num_heads num_reg_tokens output_stride pad_type
            patch_drop_rate patch_size pos_drop_rate pos_embed proj_drop_rate qk_norm qkv_bias
            reg_tokens rope_temperature rope_theta stem_size stem_type stem_width strict_img_size
            use_abs_pos_emb window_size
        """,
        "torchvision": """
            attention_dropout aux_logits dropout groups image_size init_weights num_classes
            patch_size stochastic_depth_prob transform_input weights width_mult width_per_group
            zero_init_residual
        """,
    }.items()
}
"""Parameters that only shape an architecture, by source. torchvision's `weights` is among them,
because it takes only names of torchvision's own weights. Other sources have none, since a
repository or a callable may do anything with any argument."""


def is_of_a_library(name: str) -> bool:
    """Tell whether a model's name loads no code and no files but those of a library or of ours."""
    return _OF_A_LIBRARY.fullmatch(name) is not None


def foreign_arguments(name: str, arguments: Mapping[str, object]) -> list[str]:
    """List the names of those constructor's arguments that a stranger's entry may not give."""
    allowed = ARCHITECTURAL.get(name.partition("/")[0], frozenset())
    # A repository of the Hub that timm loads may do anything with its arguments.
    if not is_of_a_library(name):
        allowed = frozenset()
    return [key for key, value in arguments.items() if key not in allowed or not _is_plain(value)]


def objections(name: str, arguments: Mapping[str, object]) -> Iterator[str]:
    """Yield reasons not to make a command of an entry's model; none if users may safely run it."""
    if not is_of_a_library(name) and not _SAFE_TO_TYPE.fullmatch(name):
        yield f"its name {name[:80]!a} may load code or files of whoever wrote it"
    for key in foreign_arguments(name, arguments):
        yield f"its argument {key[:80]!a} is no plain value of an architecture's parameter"


def _is_plain(value: object) -> bool:
    if isinstance(value, list):
        return len(value) <= _LONGEST and all(map(_is_number, value))
    return _is_number(value) or (isinstance(value, str) and _TEXT.fullmatch(value) is not None)


def _is_number(value: object) -> bool:
    return isinstance(value, bool | int | float) and abs(value) <= _LARGEST
