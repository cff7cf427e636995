"""In-network and hospital files as their schemas have them, made here: names, groups and rates are invented."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

GROUPS = (
    {"provider_group_id": 1, "network_name": ["North"], "provider_groups": [
        {"npi": [1111111112, 1111111120], "tin": {"type": "ein", "value": "11-1111111", "business_name": "North"}},
    ]},
    {"provider_group_id": 2, "network_name": ["South"], "provider_groups": [
        {"npi": [1222222228], "tin": {"type": "ein", "value": "222222222", "business_name": "South"}},
    ]},
)  # fmt: skip


def price(rate: object = 50.0, **said: Any) -> dict[str, Any]:
    """A `negotiated_price` of schema 2.0; what is given as None isn't in it."""
    usual = {
        "negotiated_type": "negotiated", "negotiated_rate": rate, "expiration_date": "9999-12-31",
        "billing_class": "professional", "setting": "outpatient", "service_code": ["11"],
    }  # fmt: skip
    return {name: value for name, value in (usual | said).items() if value is not None}


def item(
    *prices: Mapping[str, Any], code: str = "G0101", groups: Sequence[object] = (1,), **said: Any
) -> dict[str, Any]:
    """An element of `in_network` whose prices are all of some provider groups."""
    usual = {
        "negotiation_arrangement": "ffs", "name": "service", "billing_code_type": "HCPCS",
        "billing_code_type_version": "2026", "billing_code": code, "description": "service",
        "negotiated_rates": [{"provider_references": list(groups), "negotiated_prices": list(prices)}],
    }  # fmt: skip
    return usual | said


def in_network(*items: Mapping[str, Any], late: bool = False, groups: Sequence[Mapping[str, Any]] = GROUPS) -> bytes:
    """An in-network file; with `late` the provider groups and the payer's name stand after the rates."""
    about = {"reporting_entity_name": "Acme", "plan_name": "PPO", "provider_references": list(groups)}
    rates = {"version": "2.0.0", "last_updated_on": "2026-01-15", "in_network": list(items)}
    return json.dumps(rates | about if late else about | rates).encode()


ABOUT = ("hospital_name", "last_updated_on", "version"), ("General", "2026-01-01", "3.0.0")
TALL = (
    "description", "code | 1", "code | 1 | type", "code|2", "code|2|type", "setting", "payer_name", "plan_name",
    "modifiers", "standard_charge | negotiated_dollar", "standard_charge|negotiated_percentage",
    "standard_charge|negotiated_algorithm", "standard_charge|methodology",
)  # fmt: skip
WIDE = (
    "description", "code|1", "code|1|type", "setting", "standard_charge|gross",
    "standard_charge|Acme|PPO|negotiated_dollar", "standard_charge|Acme|PPO|methodology",
    "standard_charge|Best Health|HMO|negotiated_dollar", "standard_charge|Best Health|HMO|negotiated_percentage",
    "standard_charge|Best Health|HMO|methodology",
)  # fmt: skip


def hospital_csv(header: Sequence[str], *lines: Sequence[object]) -> bytes:
    """A hospital's CSV: two lines about it, the header, and its lines."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([*ABOUT, header, *lines])
    return text.getvalue().encode()


def hospital_json(*payers: Mapping[str, Any], version: str = "3.0.0", **charge: Any) -> bytes:
    """A hospital's JSON of one service, G0101, with the rates of payers' plans."""
    plans = [{"payer_name": "Acme", "plan_name": "PPO", "methodology": "fee schedule"} | dict(one) for one in payers]
    codes = [{"code": "510", "type": "RC"}, {"code": "G0101", "type": "HCPCS"}]
    charges = [{"setting": "outpatient", "payers_information": plans} | charge]
    entry = {"description": "service", "code_information": codes, "standard_charges": charges}
    about = {"hospital_name": "General", "version": version, "last_updated_on": "2026-01-01"}
    return json.dumps(about | {"standard_charge_information": [entry], "modifier_information": []}).encode()
