// What a service pays in every locality: dots in order with the national amount as a line, tiles of states, a table.
import {el, svg, chart, chartWidth} from "./dom.js";
import {dollars, scaledText} from "./numbers.js";
import {table} from "./table.js";
import {facts} from "./facts.js";

const HEIGHT = 200, LEFT = 62, TOP = 14, BOTTOM = 22;
// Where each state stands among the tiles: column and row.
const TILES = {
  AK: [0, 0], ME: [10, 0], VT: [9, 1], NH: [10, 1], WA: [0, 2], ID: [1, 2], MT: [2, 2], ND: [3, 2], MN: [4, 2], IL: [5, 2], WI: [6, 2], MI: [7, 2], NY: [8, 2], RI: [9, 2], MA: [10, 2],
  OR: [0, 3], NV: [1, 3], WY: [2, 3], SD: [3, 3], IA: [4, 3], IN: [5, 3], OH: [6, 3], PA: [7, 3], NJ: [8, 3], CT: [9, 3],
  CA: [0, 4], UT: [1, 4], CO: [2, 4], NE: [3, 4], MO: [4, 4], KY: [5, 4], WV: [6, 4], VA: [7, 4], MD: [8, 4], DE: [9, 4], DC: [10, 4],
  AZ: [1, 5], NM: [2, 5], KS: [3, 5], AR: [4, 5], TN: [5, 5], NC: [6, 5], SC: [7, 5], OK: [3, 6], LA: [4, 6], MS: [5, 6], AL: [6, 6], GA: [7, 6],
  HI: [0, 7], TX: [3, 7], FL: [8, 7], PR: [10, 7], VI: [10, 6],
};

// `all` are {place, price} of a row; `national` is the price with every index 1.000.
export function localitiesTitle(all, national) {
  const order = sorted(all);
  const [low, high] = [order[0], order[order.length - 1]];
  if (low.price.payment === high.price.payment) return `It pays ${dollars(low.price.payment)} in all ${all.length} localities`;
  return `It pays ${dollars(low.price.payment)} in ${low.place.name} and ${dollars(high.price.payment)} in ${high.place.name}; ${dollars(national.payment)} nationally`;
}

export function localityParts(all, national, chosen, choose) {
  return el("div", {},
    dots(sorted(all), national, chosen),
    el("p", {class: "quiet"}, "One dot for each locality, in order. The line is CMS's national amount, with every index 1.000; it isn't a mean of localities."),
    tiles(all, chosen, choose),
    listed(all, chosen, choose));
}

function sorted(all) {
  return [...all].sort((a, b) => (a.price.payment < b.price.payment ? -1 : a.price.payment > b.price.payment ? 1 : 0));
}

function dots(order, national, chosen) {
  const width = chartWidth();
  const values = [...order.map((one) => Number(one.price.payment)), Number(national.payment)];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const y = (value) => TOP + (1 - (value - low) / (high - low || 1)) * (HEIGHT - TOP - BOTTOM);
  const x = (at) => LEFT + ((at + 0.5) / order.length) * (width - LEFT - 8);
  const line = y(Number(national.payment));
  const mine = order.findIndex((one) => one.place.key === chosen);
  const words = `${order.length} localities from ${dollars(order[0].price.payment)} to ${dollars(order[order.length - 1].price.payment)}, nationally ${dollars(national.payment)}`;
  const scale = [low, high].filter((value) => Math.abs(y(value) - line) > 14);
  return chart(width, HEIGHT, words,
    svg("line", {x1: LEFT, x2: width, y1: line, y2: line, class: "mark-line"}),
    scale.map((value) => svg("text", {x: LEFT - 8, y: y(value) + 4, class: "axis end"}, dollars(value))),
    svg("text", {x: LEFT - 8, y: line + 4, class: "axis strong end"}, dollars(national.payment)),
    order.map((one, at) => svg("circle", {cx: x(at).toFixed(1), cy: y(Number(one.price.payment)).toFixed(1), r: at === mine ? 6 : 3.2, class: at === mine ? "dot chosen" : "dot"},
      svg("title", {}, `${one.place.name} (${one.place.key}): ${dollars(one.price.payment)}`))),
    mine >= 0 && svg("text", {x: Math.min(width - 130, Math.max(LEFT, x(mine) - 40)), y: HEIGHT - 4, class: "axis"}, order[mine].place.key));
}

function tiles(all, chosen, choose) {
  const states = [...new Set(all.map((one) => one.place.state))].sort();
  const range = (state) => sorted(all.filter((one) => one.place.state === state));
  const highest = (state) => Number(range(state).at(-1).price.payment);
  const [low, high] = [Math.min(...states.map(highest)), Math.max(...states.map(highest))];
  const step = (value) => Math.min(4, Math.floor(((value - low) / (high - low || 1)) * 5));
  return el("details", {}, el("summary", {}, "States, darker where their highest locality pays more"),
    el("ul", {class: "tiles"}, states.map((state) => {
      const found = range(state);
      const [column, row] = TILES[state] ?? [11, 0];
      const text = found.length === 1 ? dollars(found[0].price.payment) : `${dollars(found[0].price.payment)} to ${dollars(found.at(-1).price.payment)}`;
      return el("li", {class: `at-${column} row-${row}`},
        el("button", {type: "button", class: `tile shade-${step(highest(state))}`, "aria-pressed": chosen?.startsWith(`${state}/`) ? "true" : "false",
          title: `${facts.states[state] ?? state}: ${text}`, "aria-label": `${facts.states[state] ?? state}: ${text}`, onclick: () => choose(found.at(-1).place.key)}, state));
    })));
}

function listed(all, chosen, choose) {
  const columns = [
    {name: "Locality", cell: ({place}) => el("button", {type: "button", class: "link", onclick: () => choose(place.key)}, place.key), by: ({place}) => place.key},
    {name: "Name", cell: ({place}) => place.name},
    {name: "Payment", number: true, cell: ({price}) => dollars(price.payment), by: ({price}) => price.payment},
    ...["Work", "PE", "MP"].map((name, at) => ({name: `${name} index`, number: true, cell: ({indices}) => scaledText(indices[at], 3), by: ({indices}) => indices[at]})),
    {name: "Counties", cell: ({place}) => place.counties},
  ];
  return el("details", {}, el("summary", {}, `All ${all.length} localities as a table`),
    table("What it pays in each locality", columns, all, {search: "Name, county or number", marked: ({place}) => place.key === chosen}));
}
