// What a first view of a code doesn't need.
import {source} from "./source.js";
import {history} from "./history.js";
import {why} from "./why.js";
import {compare} from "./compare.js";
import {indicators} from "./indicators.js";
import {beside} from "./beside.js";
import {homePage} from "./home-page.js";

export {source, history, why, compare, indicators, beside, homePage};
