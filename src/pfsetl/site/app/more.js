// What a first view of a code doesn't need.
import {source} from "./source.js";
import {homePage} from "./home-page.js";

export {source, homePage};
