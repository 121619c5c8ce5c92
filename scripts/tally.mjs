// Reads `go test -json` from standard input, prints one line per package and the output of what failed, and ends with
// how many tests passed and failed, the pages' tests (a vitest JSON report named by the first argument) included.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

let passed = 0;
let failed = 0;
let skipped = 0;
const output = new Map(); // "package test" -> lines

try {
  const web = JSON.parse(readFileSync(process.argv[2], "utf8"));
  passed += web.numPassedTests;
  failed += web.numFailedTests;
  skipped += web.numPendingTests;
  console.log(`${web.success ? "ok  " : "FAIL"} web\t${web.numPassedTests} passed`);
} catch (e) {
  failed++;
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
    case "output":
    case "build-output":
      (output.get(key) ?? output.set(key, []).get(key)).push(e.Output);
      break;
    case "pass":
    case "skip":
      if (!e.Test) {
        if (e.Action === "pass") console.log(`ok   ${e.Package}\t${e.Elapsed}s`);
      } else if (e.Action === "pass") passed++;
      else {
        skipped++;
        console.log(`skip ${e.Package} ${e.Test}\n${(output.get(key) ?? []).join("")}`);
      }
      output.delete(key);
      break;
    case "fail":
    case "build-fail":
      if (e.Test) failed++;
      console.log(`FAIL ${e.Package ?? e.ImportPath} ${e.Test ?? ""}\n${(output.get(key) ?? []).join("")}`);
      break;
  }
}
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
if (failed > 0 || passed === 0) process.exitCode = 1;
