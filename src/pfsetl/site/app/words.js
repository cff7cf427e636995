// Sentences that several parts say.
import {facts, spanOf, within} from "./facts.js";

export const SETTINGS = {nonfacility: "in an office", facility: "in a facility"};
export const SETTING_NAMES = {nonfacility: "Non-facility", facility: "Facility"};
export const MODIFIERS = {"": "Whole service", 26: "26", TC: "TC", 53: "53"};
export const MODIFIER_NAMES = {26: "Professional part", TC: "Technical part", 53: "Discontinued procedure"};

const REASONS = {
  never_effective: "The release was never in force: Congress changed the factor before it paid anything.",
  bundled: "Its payment is always part of another service.",
  carrier_priced: "Each Medicare contractor sets the price, so there is no national one.",
  deleted: "The code was deleted.",
  deleted_no_grace: "The code was deleted.",
  deleted_modifier: "This part of the service was removed.",
  excluded_by_regulation: "The fee schedule leaves it out by regulation.",
  use_other_code: "Medicare doesn't take this code; another one applies.",
  not_valid_for_medicare: "Medicare doesn't take this code; another one applies.",
  anesthesia: "Anesthesia is paid by base units and time, with a factor of its own, not by RVUs.",
  local_code: "It's a local code.",
  measurement_only: "It only reports a measurement.",
  noncovered: "Medicare doesn't cover it.",
  bundled_supply: "The supply is part of the physician's service, or is paid outside the fee schedule.",
  functional_information: "It only reports a therapy status.",
  statutory_exclusion: "By statute it isn't a physician's service; it's paid by another schedule, if at all.",
  not_used_for_payment: "CMS prints RVUs and marks them as not used for Medicare payment.",
  no_rvus: "CMS gives it no RVUs.",
};

export function reasonText(reason) {
  return REASONS[reason] ?? `CMS's reason: ${reason.replaceAll("_", " ")}.`;
}

export function naText(setting) {
  return setting === "facility"
    ? "NA: CMS says that it's rarely or never done in a facility, so this price is nominal"
    : "NA: CMS says that it's rarely or never done in an office, so this price is nominal";
}

const WHO = {all: "Everyone", non_qp: "Most clinicians (not QP)", qp: "Qualifying APM participants (QP)"};

export function whoText(participant) {
  return WHO[participant] ?? participant;
}

export function days(release) {
  if (release.never) return "never in force";
  const [first, last] = spanOf(release.label);
  const prices = facts.calendar.filter(([, from, to]) => within(first, from, to)).map(([label]) => label);
  if (first && prices.length && !prices.includes(release.label)) return `superseded: ${prices[0]} prices ${first} to ${last}`;
  return first ? `in force ${first} to ${last}` : "its days aren't known";
}

const MEMBERS = {pprrvu: "the RVU file", gpci: "the indices", locality_county: "the counties", anesthesia: "the anesthesia factors", opps_cap: "CMS's own list of capped imaging amounts"};

export function memberText(member) {
  return MEMBERS[member] ?? member;
}
