// Scans one site of this machine with MDN's HTTP Observatory and its policy with Google's CSP Evaluator; prints JSON.
//
// node scan.mjs HOST HTTP_PORT HTTPS_PORT PATH, where both packages are in node_modules of the current folder.
// The Observatory's own command scans public hosts alone, so its parts are called here as it calls them.

import dns from "node:dns";
import { existsSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [host, httpPort, httpsPort, page] = process.argv.slice(2);
const folder = path.resolve("node_modules/@mdn/mdn-http-observatory");
const part = (name) => import(pathToFileURL(path.join(folder, "src", name)));

// Every name is this machine: nothing is asked outside.
dns.lookup = (_name, options, done) => (options.all ? done(null, [{ address: "127.0.0.1", family: 4 }]) : done(null, "127.0.0.1", 4));
// The list of preloaded hosts is downloaded when the package is installed in full; no host here is on it.
const preloaded = path.join(folder, "conf/hsts-preload.json");
if (!existsSync(preloaded)) writeFileSync(preloaded, "{}");

const { retrieve } = await part("retriever/retriever.js");
const { ALL_TESTS } = await part("constants.js");
const { MINIMUM_SCORE_FOR_EXTRA_CREDIT } = await part("grader/charts.js");
const { getGradeForScore, getScoreModifier } = await part("grader/grader.js");

const seen = await retrieve(host, { httpPort, httpsPort, path: page });
const results = ALL_TESTS.map((test) => test(seen)).filter((result) => result.result);
const tests = {};
for (const result of results) tests[result.constructor.name] = { result: result.result, modifier: getScoreModifier(result.result), pass: result.pass };
const sum = (modifiers) => 100 + modifiers.reduce((total, one) => total + one, 0);
const modifiers = Object.values(tests).map((test) => test.modifier);
const withoutCredit = sum(modifiers.filter((one) => one < 0));
const graded = getGradeForScore(withoutCredit >= MINIMUM_SCORE_FOR_EXTRA_CREDIT ? sum(modifiers) : withoutCredit);

const require = createRequire(path.resolve("node_modules/"));
const { CspEvaluator } = require("csp_evaluator/dist/evaluator.js");
const { CspParser } = require("csp_evaluator/dist/parser.js");
const { Severity, Type } = require("csp_evaluator/dist/finding.js");
const csp = seen.responses.auto?.headers["content-security-policy"] ?? "";
const findings = new CspEvaluator(new CspParser(csp).csp).evaluate().map((one) => ({
  severity: Severity[one.severity], type: Type[one.type], directive: one.directive, value: one.value,
}));

console.log(JSON.stringify({ status: seen.responses.auto?.status, score: graded.score, grade: graded.grade, tests, csp, findings }));
process.exit(0);
