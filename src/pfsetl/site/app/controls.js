// What a reader can ask of a code: day, place, setting, participant, modifier. Each answer is in the address.
import {el} from "./dom.js";
import {SETTINGS, SETTING_NAMES, MODIFIERS, MODIFIER_NAMES, whoText} from "./words.js";
import {facts} from "./facts.js";

export function controls(now, {places, participants, modifiers}, change) {
  return el("form", {class: "controls", onsubmit: (event) => event.preventDefault()},
    field("Day of service", dayInput(now.date, (date) => change({date}))),
    field("Locality", placeSelect(now.locality, places, (locality) => change({locality}))),
    facts.zips.length > 0 && field("or ZIP code", el("input", {type: "text", id: "zip", size: 5, inputmode: "numeric", pattern: "[0-9]{5}(-?[0-9]{4})?", autocomplete: "postal-code", placeholder: "90210", onchange: (event) => event.target.value.trim() && event.target.checkValidity() && change({locality: event.target.value.trim()})})),
    choice("Setting", "setting", Object.keys(SETTINGS), (one) => SETTING_NAMES[one], now.setting, (setting) => change({setting})),
    participants.length > 1 && field("Paid to", select("participant", participants, whoText, now.participant, (participant) => change({participant}))),
    modifiers.length > 1 && choice("Modifier", "modifier", modifiers, (one) => MODIFIERS[one] ?? one, now.modifier, (modifier) => change({modifier})));
}

function field(label, control) {
  return el("label", {class: "field"}, el("span", {}, label), control);
}

// A day that is typed counts once all of it stands there: on Enter, or when the field is left; one that is picked at once.
export function dayInput(value, commit) {
  let typing = false;
  const input = el("input", {type: "date", id: "day", value, required: true, onblur: done,
    onkeydown: (event) => { typing = event.key !== "Enter"; if (!typing) done(); },
    onchange: () => { if (!typing) done(); }});
  function done() {
    typing = false;
    if (input.value && input.value !== value) { value = input.value; commit(value); }
  }
  return input;
}

export function select(id, values, text, chosen, pick) {
  return el("select", {id, onchange: (event) => pick(event.target.value)},
    values.map((value) => el("option", {value, selected: value === chosen}, text(value))));
}

// Localities in groups by state; the nation comes first, with every index 1.000.
export function placeSelect(chosen, places, pick) {
  const states = [...new Set(places.map((place) => place.state))];
  return el("select", {id: "locality", onchange: (event) => pick(event.target.value)},
    el("option", {value: "", selected: !chosen}, "National (every index 1.000)"),
    states.map((state) => el("optgroup", {label: facts.states[state] ?? state},
      places.filter((place) => place.state === state).map((place) =>
        el("option", {value: place.key, selected: place.key === chosen}, `${place.key} ${place.name}`)))));
}

function choice(label, name, values, text, chosen, pick) {
  return el("fieldset", {class: "choice"}, el("legend", {}, label), values.map((value) =>
    el("label", {title: MODIFIER_NAMES[value]}, el("input", {type: "radio", name, value, checked: value === chosen, onchange: () => pick(value)}), el("span", {}, text(value)))));
}
