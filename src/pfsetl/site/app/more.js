// What a first view of a code doesn't need.
import {source} from "./source.js";
import {history} from "./history.js";
import {why} from "./why.js";
import {compare} from "./compare.js";
import {indicators} from "./indicators.js";
import {beside} from "./beside.js";
import {modifiers} from "./modifiers.js";
import {homePage} from "./home-page.js";
import {searchPage} from "./search-page.js";
import {sectionPage} from "./section-page.js";
import {placePage} from "./place-page.js";
import {releasePage} from "./release-page.js";
import {twoPage} from "./two-page.js";
import {listPage} from "./list-page.js";
import {ratesPage} from "./rates-page.js";

export {source, history, why, compare, indicators, beside, modifiers, homePage, searchPage, sectionPage, placePage, releasePage, twoPage, listPage, ratesPage};
