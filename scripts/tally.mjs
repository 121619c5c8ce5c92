// Reads `go test -json` from standard input, prints one line per package and the output of what failed, runs what failed
// once more alone, and ends with how many tests passed and failed, the pages' tests (a vitest JSON report named by the
// first argument) included. A last line {"Action":"exit","Code":n} tells how go test itself ended.
//
// Journeys share the machine's cores with a browser and with encoders, so that one of thousands may miss its moment. What
// a race detector, a panic, a leak or the end of a package found, and more than twelve failures, are not of the moment: they
// stand. What passes only alone is named.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const againMax = 12;
const alwaysGrave = /WARNING: DATA RACE|^panic: |goleak|^fatal error: /m;

let passed = 0;
let failed = 0;
let skipped = 0;
let grave = false;
let code = 0;
const output = new Map(); // "package test" -> lines
const slow = []; // [seconds, "package test"]
const failures = new Map(); // "package test" of the uppermost level -> how many failed in it

try {
  const web = JSON.parse(readFileSync(process.argv[2], "utf8"));
  passed += web.numPassedTests;
  failed += web.numFailedTests;
  skipped += web.numPendingTests;
  grave ||= !web.success;
  console.log(`${web.success ? "ok  " : "FAIL"} web\t${web.numPassedTests} passed`);
} catch (e) {
  failed++;
  grave = true;
  console.log(`FAIL web\tno report: ${e.message}`);
}

for await (const line of createInterface({ input: process.stdin })) {
  let e;
  try {
    e = JSON.parse(line);
  } catch {
    console.log(line);
    continue;
  }
  const key = `${e.Package ?? e.ImportPath} ${e.Test ?? ""}`;
  switch (e.Action) {
    case "exit":
      code = e.Code;
      break;
    case "output":
    case "build-output":
      grave ||= alwaysGrave.test(e.Output);
      (output.get(key) ?? output.set(key, []).get(key)).push(e.Output);
      break;
    case "pass":
    case "skip":
      if (!e.Test) {
        if (e.Action === "pass") console.log(`ok   ${e.Package}\t${e.Elapsed}s`);
      } else if (e.Action === "pass") {
        passed++;
        if (!e.Test.includes("/")) slow.push([e.Elapsed, key]);
      } else {
        skipped++;
        console.log(`skip ${e.Package} ${e.Test}\n${(output.get(key) ?? []).join("")}`);
      }
      output.delete(key);
      break;
    case "fail":
    case "build-fail":
      if (e.Test) {
        failed++;
        const top = `${e.Package} ${e.Test.split("/")[0]}`;
        failures.set(top, (failures.get(top) ?? 0) + 1);
      } else if (![...failures.keys()].some((test) => test.startsWith(`${e.Package} `))) grave = true;
      console.log(`FAIL ${e.Package ?? e.ImportPath} ${e.Test ?? ""}\n${(output.get(key) ?? []).join("")}`);
      break;
  }
}
if (code !== 0 && failures.size === 0) grave = true;

slow.sort((a, b) => b[0] - a[0]);
for (const [seconds, name] of slow.slice(0, 25)) console.log(`${seconds.toFixed(1).padStart(6)} s ${name}`);

if (!grave && failures.size <= againMax) {
  for (const [name, count] of failures) {
    const [room, test] = name.split(" ");
    const again = spawnSync("go", ["test", "-race", "-count=1", "-timeout", "10m", "-run", `^${test}$`, room], {
      env: { ...process.env, CGO_ENABLED: "1" },
      encoding: "utf8",
    });
    console.log(`${again.status === 0 ? "passed only when run again, alone" : "failed again, alone"}: ${name}`);
    if (again.status !== 0) {
      console.log(again.stdout + again.stderr);
      continue;
    }
    failed -= count;
    passed += count;
  }
}
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
if (failed > 0 || grave || passed === 0) process.exitCode = 1;
