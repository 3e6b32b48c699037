"""The network builder: a stack of layers to assemble, and what each of them costs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields
from functools import cache
from typing import Any

import traitlets

from cnnlesson import network as networks
from cnnlesson.arithmetic import ShapeLike, read_shape
from cnnlesson.drawing import FILTER, Drawing
from cnnlesson.network import (
    Activation,
    BatchNorm,
    Block,
    Conv,
    Dense,
    Flatten,
    GlobalPool,
    Layer,
    Network,
    Pool,
    RadialBasis,
)
from cnnlesson.settings import per_axis, per_side, several, shown, whole
from cnnlesson.widgets.base import Visualiser, module, style

MOST_LAYERS = 64
LARGEST = {
    "filter_size": 64,
    "out_channels": 4096,
    "stride": 64,
    "padding": 64,
    "dilation": 64,
    "groups": 4096,
    "units": 16384,
    "height": 512,
    "width": 512,
    "depth": 4096,
}

_KINDS: dict[str, type[Layer]] = {
    "conv": Conv,
    "pool": Pool,
    "global_pool": GlobalPool,
    "flatten": Flatten,
    "dense": Dense,
    "batch_norm": BatchNorm,
    "activation": Activation,
    "radial_basis": RadialBasis,
}
_NEW: dict[str, Layer] = {
    "Convolution": Conv(3, 16, padding=1),
    "Pool": Pool("max", 2),
    "Global pool": GlobalPool("average"),
    "Flatten": Flatten(),
    "Dense": Dense(10),
    "Batch normalisation": BatchNorm(),
    "Activation": Activation("relu"),
}


class NetworkBuilder(Visualiser):
    """A stack of layers to build; shape, parameters, cost and receptive field of each.

    Attributes:
        layers: plain dicts, from input to output: "layer" is conv, pool, global_pool, flatten,
            dense, batch_norm, activation or radial_basis; what else there is are the settings of
            the layer of that name in `cnnlesson.network`, under the same names.
        input_shape: height, width and depth of the input.
        preset: the network with blocks that is shown in place of the layers; empty for none.
        goal: what the reader is to reach: "output" (height, width, depth), "parameters",
            "multiply_adds" and "memory" (at most so many), "receptive_field" (at least so wide).
        predict: whether to hide the shapes until the reader has predicted the last one.
    """

    _esm = module("arithmetic.js", "ui.js", "builder.js")
    _css = style("style.css", "builder.css")

    layers = traitlets.List(traitlets.Dict()).tag(sync=True)
    input_shape = traitlets.List(traitlets.Int(), minlen=3, maxlen=3).tag(sync=True)
    preset = traitlets.Unicode().tag(sync=True)
    catalogue = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        layers: Network | Sequence[Layer | Block | Mapping[str, Any]] | None = None,
        input_shape: ShapeLike | None = None,
        **settings: Any,
    ) -> None:
        """Show a stack of layers; by default the running example.

        Args:
            layers: layers of `cnnlesson.network`, or the same as dicts (see `layers` above), or
                a whole `Network`. One with blocks is shown row by row, and cannot be edited.
            input_shape: height, width and depth; (32, 32, 3) unless given.
            settings: `goal`, `predict`.

        Raises:
            TypeError: if a setting of a layer is of the wrong type.
            ValueError: if a setting is out of range. A layer that cannot follow the one before
                it is no error here: it is marked in the picture, with the reason.
        """
        given = networks.running_example() if layers is None else layers
        if isinstance(given, Network):
            if input_shape is not None:
                raise ValueError(
                    f"{given.name} has its own input, {_shape(given.input_shape)}: "
                    "leave input_shape out"
                )
            stack: Sequence[Any] = given.layers
            size = _checked_shape(given.input_shape)
        else:
            stack = given
            size = _checked_shape((32, 32, 3) if input_shape is None else input_shape)
            if not several(stack):
                raise TypeError(f"layers must be a list of layers, not {shown(stack)}")
        self._networks = dict(_presets())
        fixed = ""
        if any(isinstance(layer, Block) for layer in stack):
            whole_network = given if isinstance(given, Network) else Network(stack, size)
            fixed, stack = whole_network.name, ()
            self._networks[fixed] = whole_network
        super().__init__(
            layers=_checked_layers(stack),
            input_shape=size,
            preset=fixed,
            catalogue={
                "presets": {name: _offer(each) for name, each in self._networks.items()},
                "new": {words: _plain(layer) for words, layer in _NEW.items()},
                "largest": LARGEST,
                "most_layers": MOST_LAYERS,
            },
            **settings,
        )

    @property
    def network(self) -> Network:
        """The network that is shown.

        Raises:
            TypeError: as `cnnlesson.network.Network` does.
            ValueError: if there are no layers, or one cannot follow the one before it.
        """
        if self.preset:
            return self._networks[self.preset]
        return Network([_layer(plain) for plain in self.layers], self.input_shape)

    def description(self) -> str:
        """Say what is shown, in one sentence."""
        if self.preset:
            return f"Network builder with {self.preset}: {_result(self.network)}"
        count = len(self.layers)
        words = f"Network builder with {count} {'layer' if count == 1 else 'layers'}"
        words += f" over an input of {_shape(self.input_shape)}"
        try:
            return f"{words}: {_result(self.network)}"
        except ValueError as error:
            return f"{words}; impossible: {error}"

    def picture(self) -> Drawing:
        """Draw a bar for the parameters of each layer, with its shape; or say what is wrong."""
        try:
            rows = self.network.rows
        except ValueError as error:
            drawing = Drawing(900, 60, "Network builder", self.description())
            drawing.text(20, 34, _shorten(str(error), 130), size=12)
            return drawing
        most = max([row.parameters for row in rows] + [1])
        drawing = Drawing(900, 50 + 22 * len(rows), "Network builder", self.description())
        for x, head in ((20, "Layer"), (350, "Output"), (480, "Parameters")):
            drawing.text(x, 26, head, size=13, bold=True)
        for number, row in enumerate(rows):
            y = 50 + 22 * number
            drawing.text(20, y, _shorten(f"{row.position} {row.layer}", 48), size=12)
            drawing.text(350, y, _shape(row.shape), size=12)
            length = 300 * row.parameters / most
            if row.parameters:
                drawing.rectangle(480, y - 12, max(length, 1), 15, fill=FILTER)
            drawing.text(488 + length, y, f"{row.parameters:,}", size=12)
        return drawing

    @traitlets.validate("layers")
    def _fitting_layers(self, proposal: Any) -> Any:
        return _or_trait_error(_checked_layers, proposal["value"])

    @traitlets.validate("input_shape")
    def _fitting_shape(self, proposal: Any) -> Any:
        return _or_trait_error(_checked_shape, proposal["value"])

    @traitlets.validate("preset")
    def _known_preset(self, proposal: Any) -> Any:
        name = proposal["value"]
        rows_only = [known for known, each in self._networks.items() if not _editable(each)]
        if name and name not in rows_only:
            raise traitlets.TraitError(
                f"preset is {name!r}, but names a network with blocks ({', '.join(rows_only)}) "
                "or is empty: give any other network as layers"
            )
        return name

    @traitlets.validate("goal")
    def _possible_goal(self, proposal: Any) -> Any:
        return _or_trait_error(_checked_goal, proposal["value"])


def network(
    layers: Network | Sequence[Layer | Block | Mapping[str, Any]] | None = None,
    input_shape: ShapeLike | None = None,
    **settings: Any,
) -> NetworkBuilder:
    """Show a stack of layers to build on; arguments are those of `NetworkBuilder`."""
    return NetworkBuilder(layers, input_shape, **settings)


# --- Networks on offer -----------------------------------------------------------------------


@cache
def _presets() -> dict[str, Network]:
    known = (
        networks.running_example(),
        networks.lenet5(),
        networks.lenet5(historical=True),
        networks.alexnet(),
        networks.alexnet(historical=True),
        networks.vgg16(),
        networks.resnet18(),
        networks.mobilenet_v2(),
    )
    return {each.name: each for each in known}


def _editable(whole_network: Network) -> bool:
    return not any(isinstance(layer, Block) for layer in whole_network.layers)


def _offer(whole_network: Network) -> dict[str, Any]:
    """Write a network for the browser: layers that can be edited, or rows to show."""
    size = list(whole_network.input_shape)
    if _editable(whole_network):
        return {"input_shape": size, "layers": _checked_layers(whole_network.layers)}
    return {"input_shape": size, "rows": [list(row) for row in whole_network.rows]}


# --- Layers as dicts -------------------------------------------------------------------------


def _plain(layer: Layer) -> dict[str, Any]:
    """Write a layer as a dict with all of its settings."""
    kind = next(name for name, cls in _KINDS.items() if type(layer) is cls)
    return {"layer": kind, **{name: _listed(getattr(layer, name)) for name in _settings(kind)}}


def _layer(plain: Mapping[str, Any]) -> Layer:
    """Make the layer that a dict describes."""
    settings = {name: _tupled(value) for name, value in plain.items() if name != "layer"}
    return _KINDS[plain["layer"]](**settings)


def _settings(kind: str) -> dict[str, bool]:
    """Give a kind's settings, and whether each must be given."""
    cls = _KINDS[kind]
    return {field.name: field.default is MISSING for field in _fields(cls)}


def _fields(cls: type[Layer]) -> Sequence[Any]:
    return fields(cls) if hasattr(cls, "__dataclass_fields__") else ()  # type: ignore[arg-type]


def _checked_layers(layers: Sequence[Any]) -> list[dict[str, Any]]:
    """Give layers, which come as dicts or as objects, as dicts with all of their settings."""
    if len(layers) > MOST_LAYERS:
        raise ValueError(f"{len(layers)} layers are too many to show: at most {MOST_LAYERS}")
    checked = []
    for number, layer in enumerate(layers, 1):
        try:
            checked.append(_checked(layer))
        except (TypeError, ValueError) as error:
            raise type(error)(f"layer {number}: {error}") from error
    return checked


def _checked(layer: object) -> dict[str, Any]:
    if isinstance(layer, Layer):
        if type(layer) not in _KINDS.values():
            raise TypeError(f"the builder knows no {type(layer).__name__}: it has {_kinds()}")
        plain = _plain(layer)
    elif isinstance(layer, Mapping):
        plain = {str(name): _listed(value) for name, value in layer.items()}
    else:
        raise TypeError(f"a layer is a dict such as {{'layer': 'flatten'}}, not {shown(layer)}")
    kind = plain.get("layer")
    if kind not in _KINDS:
        raise ValueError(f'"layer" is {shown(kind)}, but must be one of {_kinds()}')
    settings = _settings(kind)
    if unknown := sorted(plain.keys() - settings.keys() - {"layer"}):
        known = ", ".join(settings) or "none"
        raise ValueError(f"{kind} has no setting {', '.join(unknown)}: it has {known}")
    if missing := [name for name, needed in settings.items() if needed and name not in plain]:
        raise ValueError(f"{kind} needs {' and '.join(missing)}")
    for name, value in plain.items():
        _check_setting(kind, name, value)
    return _plain(_layer(plain))


def _check_setting(kind: str, name: str, value: Any) -> None:
    """Refuse what is no setting at all; what does not fit is the network's to say."""
    if name in ("filter_size", "stride", "dilation"):
        if not (kind == "pool" and name == "stride" and value is None):
            _at_most(name, max(per_axis(name, value)))
    elif name == "padding":
        if not isinstance(value, str) or kind != "conv":
            _at_most(name, max(max(ends) for ends in per_side(value)))
        elif value not in ("valid", "same", "full"):
            raise ValueError(f'padding is {value!r}, but the names are "valid", "same" and "full"')
    elif name in ("out_channels", "groups", "units"):
        _at_most(name, whole(name, value, at_least=1))
    elif name in ("bias", "shared", "ceil", "trainable"):
        if not isinstance(value, bool):
            raise TypeError(f"{name} must be True or False, not {shown(value)}")
    elif name == "connections" and value is not None:
        for channels in value if several(value) else (value,):
            if not several(channels):
                raise TypeError(
                    f"connections must be a list of channels for each filter, not {shown(value)}"
                )
            for channel in channels:
                whole("a channel of connections", channel, at_least=0)


def _checked_shape(shape: ShapeLike) -> list[int]:
    size = list(read_shape(shape))
    for name, number in zip(("height", "width", "depth"), size, strict=True):
        _at_most(name, number)
    return size


def _checked_goal(goal: Mapping[str, Any]) -> dict[str, Any]:
    checked: dict[str, Any] = {}
    for name, wanted in goal.items():
        if name == "output":
            checked[name] = list(read_shape(wanted))
        elif name in ("parameters", "multiply_adds", "memory", "receptive_field"):
            checked[name] = whole(name, wanted, at_least=0)
        else:
            raise ValueError(
                f"goal has no {name!r}: it has output, parameters, multiply_adds, memory and "
                "receptive_field"
            )
    return checked


def _at_most(name: str, number: int) -> None:
    if number > LARGEST[name]:
        raise ValueError(f"{name} is {number}, too large to show: at most {LARGEST[name]}")


def _or_trait_error(check: Callable[[Any], Any], value: Any) -> Any:
    try:
        return check(value)
    except (TypeError, ValueError) as error:
        raise traitlets.TraitError(str(error)) from error


def _listed(value: Any) -> Any:
    """Write a setting as JSON has it."""
    if several(value):
        return [_listed(item) for item in value]
    return value if value is None or isinstance(value, bool | str) else _whole_if_it_is(value)


def _whole_if_it_is(value: Any) -> Any:
    return int(value) if hasattr(value, "__index__") else value


def _tupled(value: Any) -> Any:
    return tuple(_tupled(item) for item in value) if isinstance(value, list) else value


def _kinds() -> str:
    return ", ".join(_KINDS)


def _shape(shape: Sequence[object]) -> str:
    return "x".join(map(str, shape))


def _shorten(words: str, most: int) -> str:
    """Cut words to what there is room for."""
    return words if len(words) <= most else f"{words[: most - 2]} …"


def _result(whole_network: Network) -> str:
    return (
        f"output {_shape(whole_network.output_shape)}, {whole_network.parameters:,} parameters, "
        f"{whole_network.multiply_adds:,} multiply-adds"
    )
