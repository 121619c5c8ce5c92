// Draws the demo catalogue's pictures: node cmd/hawker/demo/catalogue/make-pictures.mjs (needs chromium and ffmpeg). The results are
// committed, so that the demo needs neither.
import { execFileSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const { chromium } = createRequire(join(here, "../../../../web/package.json"))("playwright-core");

const shade = (id, a, b, x2 = 0, y2 = 1) =>
  `<linearGradient id="${id}" x1="0" y1="0" x2="${x2}" y2="${y2}"><stop offset="0" stop-color="${a}"/><stop offset="1" stop-color="${b}"/></linearGradient>`;
const glow = (id, a) =>
  `<radialGradient id="${id}"><stop offset="0" stop-color="${a}" stop-opacity=".95"/><stop offset="1" stop-color="${a}" stop-opacity="0"/></radialGradient>`;
const floor = (y = 470, rx = 170) => `<ellipse cx="300" cy="${y}" rx="${rx}" ry="22" fill="#000" opacity=".28" filter="url(#soft)"/>`;

// name: [background top, background bottom, definitions, shapes]; the canvas is 600 by 600.
const art = {
  "linen-shirt": ["#E9DFCF", "#CBB79A", shade("c", "#FBF8F1", "#DCD2BF", 1), `${floor(500, 190)}
    <path d="M190 130 L250 108 Q300 150 350 108 L410 130 L490 220 L430 270 L408 246 L408 490 L192 490 L192 246 L170 270 L110 220 Z" fill="url(#c)"/>
    <path d="M250 108 Q300 150 350 108 L300 190 Z" fill="#EFE8DA"/><path d="M300 190 V490" stroke="#C9BDA6" stroke-width="3"/>
    ${[230, 290, 350, 410, 460].map((y) => `<circle cx="309" cy="${y}" r="5" fill="#A8977A"/>`).join("")}
    <path d="M340 260 h44 v46 q-22 14 -44 0 Z" fill="none" stroke="#C9BDA6" stroke-width="3"/>`],
  "brass-lantern": ["#2B1B2E", "#120C18", shade("b", "#FFD98A", "#9A5B00", 1) + glow("g", "#FFC65C"), `<circle cx="300" cy="330" r="260" fill="url(#g)"/>${floor(510, 130)}
    <path d="M300 84 q46 0 46 48 h-16 q0-32-30-32 t-30 32 h-16 q0-48 46-48Z" fill="url(#b)"/>
    <path d="M238 160 L362 160 L392 220 L208 220 Z" fill="url(#b)"/><rect x="216" y="220" width="168" height="220" rx="12" fill="#FFE7B0" opacity=".92"/>
    ${[216, 272, 328, 376].map((x) => `<rect x="${x}" y="220" width="9" height="220" fill="#A86A10"/>`).join("")}
    <path d="M300 392 q-40 -40 0 -110 q40 70 0 110Z" fill="#FF9A3C"/><path d="M300 388 q-20 -24 0 -64 q20 40 0 64Z" fill="#FFF3C9"/>
    <rect x="196" y="438" width="208" height="30" rx="8" fill="url(#b)"/><rect x="226" y="468" width="148" height="24" rx="8" fill="#8A540A"/>`],
  "tea-glasses": ["#12403B", "#0A2422", shade("t", "#E5872B", "#8F3C0C") + shade("w", "#FFFFFF", "#CFE6E0", 1), `${floor(490, 220)}
    ${[[170, 0.86], [300, 1.1], [430, 0.86]].map(([x, k]) => `<g transform="translate(${x} 470) scale(${k})"><path d="M-58 -240 q14 70 -14 120 q-22 60 12 120 h120 q34 -60 12 -120 q-28 -50 -14 -120 Z" fill="url(#w)" opacity=".36"/>
      <path d="M-52 -200 q10 50 -14 88 q-18 52 12 104 h108 q30 -52 12 -104 q-24 -38 -14 -88 Z" fill="url(#t)" opacity=".92"/><ellipse cx="0" cy="-200" rx="52" ry="9" fill="#F4A45A"/>
      <path d="M-58 -206 h116" stroke="#E7C15A" stroke-width="6"/><ellipse cx="0" cy="4" rx="96" ry="14" fill="#E7C15A"/></g>`).join("")}`],
  "silk-scarf": ["#F3D9D2", "#D99B8F", shade("s", "#D11A5A", "#6A0F4B", 1) + shade("s2", "#FF6F91", "#B01353", 1), `${floor(500, 200)}
    <path d="M120 150 q180 -70 360 0 q-20 60 -170 60 q-160 0 -190 -60Z" fill="url(#s2)"/><path d="M150 190 q40 160 -30 300 q110 30 150 -30 q-10 -130 40 -250 q-90 20 -160 -20Z" fill="url(#s)"/>
    <path d="M310 210 q70 110 60 290 q80 20 120 -40 q-60 -120 -40 -270 q-60 30 -140 20Z" fill="url(#s2)"/>
    ${[[190, 300], [220, 380], [180, 440], [410, 300], [420, 380], [430, 450]].map(([x, y]) => `<circle cx="${x}" cy="${y}" r="14" fill="#FFD166" opacity=".8"/><circle cx="${x}" cy="${y}" r="6" fill="#6A0F4B"/>`).join("")}`],
  "woven-basket": ["#DDE3CF", "#A9B58F", shade("k", "#D8A860", "#8C5A22", 1), `${floor(500, 200)}
    <path d="M170 270 q130 -230 260 0" fill="none" stroke="#8C5A22" stroke-width="20"/><path d="M120 260 h360 l-50 230 q-130 24 -260 0 Z" fill="url(#k)"/>
    ${Array.from({ length: 6 }, (_, r) => Array.from({ length: 12 }, (_, c) => `<rect x="${128 + c * 30 - (r % 2) * 15 + r * 2}" y="${276 + r * 36}" width="24" height="13" rx="6" fill="${r % 2 ? "#F0CC8C" : "#6E4416"}" opacity=".55"/>`).join("")).join("")}
    <rect x="108" y="244" width="384" height="30" rx="15" fill="#B77B34"/>`],
  "olive-oil": ["#F2EAD0", "#C8B873", shade("o", "#A8B62F", "#55630D", 1), `${floor(520, 110)}
    <rect x="276" y="80" width="48" height="46" rx="6" fill="#3B2A14"/><path d="M274 120 h52 v60 q70 30 70 100 v220 q0 20 -20 20 h-152 q-20 0 -20 -20 v-220 q0 -70 70 -100Z" fill="url(#o)"/>
    <path d="M222 300 q0 -60 50 -90" stroke="#E9F0A8" stroke-width="9" fill="none" opacity=".7" stroke-linecap="round"/><rect x="216" y="310" width="168" height="130" rx="6" fill="#FBF6E4"/>
    <path d="M300 330 q-40 40 -8 84 M300 330 q40 40 8 84" stroke="#5B6B12" stroke-width="5" fill="none"/><ellipse cx="282" cy="384" rx="13" ry="18" fill="#6C7D16"/><ellipse cx="320" cy="372" rx="13" ry="18" fill="#8B9A24"/>`],
  "leather-sandals": ["#F0E2D2", "#C99E74", shade("l", "#A8622A", "#5C2E0E", 1), `${floor(500, 220)}
    ${[[200, 300, -12], [400, 300, 12]].map(([x, y, r]) => `<g transform="translate(${x} ${y}) rotate(${r})"><path d="M-66 -150 q66 -80 132 0 q20 120 -10 210 q6 110 -56 110 t-56 -110 q-30 -90 -10 -210Z" fill="#E4C49A"/>
      <path d="M-66 -120 q66 60 132 0 l4 56 q-70 60 -140 0Z" fill="url(#l)"/><path d="M-8 -104 h18 v-70 h-18Z" fill="url(#l)"/><path d="M-54 66 q54 40 108 0 l-4 44 q-50 36 -100 0Z" fill="url(#l)"/><circle cx="42" cy="84" r="9" fill="#E8C05A"/></g>`).join("")}`],
  "enamel-kettle": ["#D6E6EC", "#8FB2C1", shade("e", "#2F6F92", "#123A52", 1), `${floor(490, 190)}
    <path d="M200 200 q100 -150 200 0" fill="none" stroke="#2A2A2A" stroke-width="18"/><path d="M420 260 q80 -10 100 -90 l-34 -8 q-10 50 -80 50Z" fill="url(#e)"/>
    <path d="M170 240 q130 -80 260 0 q60 120 20 220 q-150 50 -300 0 q-40 -100 20 -220Z" fill="url(#e)"/><ellipse cx="300" cy="222" rx="100" ry="24" fill="#F3F7F8"/><circle cx="300" cy="194" r="18" fill="#2A2A2A"/>
    <path d="M186 300 q-16 70 4 130" stroke="#9CC7DB" stroke-width="12" fill="none" stroke-linecap="round" opacity=".8"/>${Array.from({ length: 7 }, (_, i) => `<circle cx="${220 + i * 32}" cy="${360 + (i % 2) * 26}" r="8" fill="#F3F7F8" opacity=".8"/>`).join("")}`],
  "wool-throw": ["#E4E0EA", "#A79DB8", shade("v", "#6B4E9B", "#34235A", 1), `${floor(490, 210)}
    ${[0, 1, 2].map((i) => `<rect x="${120 + i * 6}" y="${230 + i * 84}" width="${360 - i * 12}" height="86" rx="34" fill="url(#v)"/><path d="M${150 + i * 6} ${250 + i * 84} h${300 - i * 12}" stroke="#FFB224" stroke-width="10" opacity=".85"/><path d="M${150 + i * 6} ${276 + i * 84} h${300 - i * 12}" stroke="#F5F3EE" stroke-width="5" opacity=".7"/>`).join("")}
    ${Array.from({ length: 18 }, (_, i) => `<path d="M${146 + i * 18} 480 v26" stroke="#8D74BF" stroke-width="6"/>`).join("")}`],
  "saffron-tin": ["#3A1A12", "#1B0B08", shade("n", "#FFCE54", "#B06A00", 1) + glow("h", "#FF8A2B"), `<circle cx="300" cy="320" r="240" fill="url(#h)" opacity=".6"/>${floor(500, 160)}
    <rect x="170" y="210" width="260" height="270" rx="26" fill="url(#n)"/><rect x="154" y="170" width="292" height="66" rx="22" fill="#8E4E00"/><rect x="190" y="270" width="220" height="150" rx="14" fill="#FFF3D6"/>
    ${Array.from({ length: 9 }, (_, i) => `<path d="M${222 + i * 19} 400 q${i % 2 ? 20 : -20} -50 0 -100" stroke="#C3240C" stroke-width="6" fill="none" stroke-linecap="round"/>`).join("")}`],
  "cedar-soap": ["#DCE9DA", "#93AE91", shade("p", "#F1E7CF", "#C9B083", 1), `${floor(480, 200)}
    <g transform="rotate(-8 300 350)"><rect x="140" y="260" width="320" height="190" rx="46" fill="url(#p)"/><rect x="176" y="292" width="248" height="126" rx="30" fill="none" stroke="#A58B57" stroke-width="5"/>
    <path d="M300 306 l34 48 h-18 l26 40 h-84 l26 -40 h-18Z" fill="#6C8B5E"/></g>${[[180, 210, 26], [230, 180, 16], [410, 200, 30], [460, 240, 14], [360, 170, 12]].map(([x, y, r]) => `<circle cx="${x}" cy="${y}" r="${r}" fill="#fff" opacity=".65"/>`).join("")}`],
  "clay-vase": ["#F4E3D7", "#D8A68B", shade("q", "#C9653A", "#7A2F14", 1), `${floor(510, 140)}
    ${[[-70, 60], [0, 20], [66, 66]].map(([x, y]) => `<path d="M300 210 Q${300 + x} 160 ${300 + x * 1.4} ${y + 40}" stroke="#6E7F4E" stroke-width="7" fill="none"/>${[0, 1, 2, 3].map((i) => `<ellipse cx="${300 + x * (0.7 + i * 0.22)}" cy="${150 - i * 22 + y * 0.5}" rx="20" ry="9" fill="#8FA268" transform="rotate(${x} ${300 + x * (0.7 + i * 0.22)} ${150 - i * 22 + y * 0.5})"/>`).join("")}`).join("")}
    <path d="M258 200 h84 q-6 60 40 110 q50 110 -30 200 h-104 q-80 -90 -30 -200 q46 -50 40 -110Z" fill="url(#q)"/><rect x="248" y="190" width="104" height="22" rx="11" fill="#8A3A1B"/>
    <path d="M206 390 q94 34 188 0" stroke="#F4E3D7" stroke-width="6" fill="none" opacity=".8"/><path d="M212 424 q88 34 176 0" stroke="#F4E3D7" stroke-width="3" fill="none" opacity=".8"/>`],
  "haircut": ["#20202B", "#0B0B10", shade("m", "#F5F3EE", "#A9A5B3", 1), `<circle cx="300" cy="300" r="210" fill="#FFB224"/>
    <g fill="none" stroke="#17151C" stroke-width="24" stroke-linecap="round"><path d="M230 160 L370 400"/><path d="M370 160 L230 400"/></g><circle cx="206" cy="430" r="38" fill="none" stroke="#17151C" stroke-width="20"/><circle cx="394" cy="430" r="38" fill="none" stroke="#17151C" stroke-width="20"/><circle cx="300" cy="280" r="12" fill="#FFB224"/>`],
};

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
const page = await browser.newPage({ viewport: { width: 600, height: 600 } });
const tmp = mkdtempSync(join(tmpdir(), "hawker-pictures-"));
for (const [name, [top, bottom, defs, shapes]] of Object.entries(art)) {
  await page.setContent(`<body style="margin:0"><svg width="600" height="600" viewBox="0 0 600 600" xmlns="http://www.w3.org/2000/svg">
    <defs>${shade("bg", top, bottom, 0.4)}${defs}<filter id="soft"><feGaussianBlur stdDeviation="12"/></filter></defs>
    <rect width="600" height="600" fill="url(#bg)"/>${shapes}</svg>`);
  writeFileSync(join(tmp, `${name}.png`), await page.screenshot());
  execFileSync("ffmpeg", ["-v", "error", "-y", "-i", join(tmp, `${name}.png`), "-q:v", "5", join(here, "pictures", `${name}.jpg`)]);
}
await browser.close();
