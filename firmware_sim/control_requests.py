"""The lines that a control client may send, one strict model per operation; what comes in is checked here."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from firmware_sim.errors import RequestInvalid
from firmware_sim.faults import LATE_MS, Fault, FaultName
from firmware_sim.thermometers import START_MC, Mood

MAX_LINE_BYTES = 4096

Name = Annotated[str, Field(max_length=64)]
ChannelNo = Annotated[int, Field(ge=1, le=48)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    id: int | None = None
    """Comes back in the answer."""


class Look(_Request):
    """`doors`: what a person sees. `faults`: what is set. `ports`: stable path and present device of each port."""

    op: Literal["doors", "faults", "ports"]


class ReadTrace(_Request):
    """Physical facts from index `after` on."""

    op: Literal["trace"]
    after: Annotated[int, Field(ge=0)] = 0


class Hand(_Request):
    """A person's hand at one door; `force` opens a latched door with a crowbar."""

    op: Literal["open", "close", "put", "take"]
    module: Name
    channel: ChannelNo
    force: bool = False


class SetFault(_Request):
    """See `firmware_sim.faults` for names and targets."""

    op: Literal["set_fault"]
    name: FaultName
    target: Name
    channel: ChannelNo | None = None
    times: Annotated[int, Field(ge=1)] | None = None
    delay_ms: Annotated[int, Field(ge=1, le=600_000)] = LATE_MS

    def fault(self) -> Fault:
        return Fault(self.name, self.target, self.channel, self.times, self.delay_ms)


class ClearFault(_Request):
    """Ends what fits; without any field, all."""

    op: Literal["clear_fault"]
    name: FaultName | None = None
    target: Name | None = None
    channel: ChannelNo | None = None


class Plug(_Request):
    op: Literal["unplug", "replug"]
    port: Name


class Inject(_Request):
    """Bytes that somebody else puts on a port's bus: a wire tap. The boards hear them; nobody hears the answer."""

    op: Literal["inject"]
    port: Name
    data: Annotated[str, Field(pattern=r"^([0-9A-Fa-f]{2}){1,64}$")]


class Show(_Request):
    """A code in front of a port's reader, as text, or in hex where it is none."""

    op: Literal["show"]
    port: Name
    text: Annotated[str, Field(max_length=3000)] = ""
    data: Annotated[str, Field(pattern=r"^([0-9A-Fa-f]{2})*$", max_length=3000)] = ""

    def code(self) -> bytes:
        return bytes.fromhex(self.data) or self.text.encode()


class SetTemperature(_Request):
    """What a thermometer says from now on, or how it fails."""

    op: Literal["temperature"]
    sensor: Annotated[str, Field(pattern=r"^28-[0-9a-f]{12}$")]
    value_mc: Annotated[int, Field(ge=-55_000, le=125_000)] = START_MC
    mood: Mood = Mood.WELL


Request = Look | ReadTrace | Hand | SetFault | ClearFault | Plug | Inject | Show | SetTemperature

_ADAPTER: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="op")])


def parse_request(line: bytes) -> Request:
    """One JSON object. Raises RequestInvalid with the field that is wrong."""
    if len(line) > MAX_LINE_BYTES:
        raise RequestInvalid(f"a line of {len(line)} bytes is over {MAX_LINE_BYTES}")
    try:
        return _ADAPTER.validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise RequestInvalid(first["msg"], where=where, remedy="See firmware_sim/control_requests.py.") from error
