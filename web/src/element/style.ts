/** style is the element's own; the host page changes it by custom properties and ::part(). */
export const style = `
:host { display: block; position: relative; aspect-ratio: 9 / 16; overflow: hidden; background: #000; color: #f5f3ee;
  font: 14px/1.4 system-ui, "Noto Sans Arabic", sans-serif; contain: content; }
:host([hidden]) { display: none; }
* { box-sizing: border-box; margin: 0; }
video { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: var(--hawker-fit, cover); }
button, select { font: inherit; min-height: 44px; border: 0; border-radius: 8px; cursor: pointer; }
:focus-visible { outline: 3px solid var(--hawker-accent, #ffb224); outline-offset: 2px; }
.top { position: absolute; inset-block-start: 8px; inset-inline: 8px; display: flex; gap: 8px; align-items: center; }
.live { padding: 2px 7px; border-radius: 6px; background: #ff4763; color: #17151c; font-size: 12px; font-weight: 700; }
.top > :last-child { margin-inline-start: auto; }
.round, select { background: rgb(16 16 24 / .78); color: inherit; }
.round { inline-size: 44px; border-radius: 50%; padding: 0; display: grid; place-items: center; }
.round svg { inline-size: 22px; block-size: 22px; }
select { padding-inline: 8px; }
.middle { position: absolute; inset-block-start: 40%; inset-inline: 0; display: grid; justify-items: center; gap: 8px;
  pointer-events: none; }
.middle > * { pointer-events: auto; }
.said { padding: 8px 16px; border-radius: 999px; background: rgb(16 16 24 / .78); }
.said:empty { display: none; }
.accent { padding: 8px 16px; background: var(--hawker-accent, #ffb224); color: var(--hawker-on-accent, #17151c);
  font-weight: 600; }
.plain { padding: 8px 12px; background: #20202b; color: inherit; }
.tap { padding: 8px 16px; border-radius: 999px; background: rgb(16 16 24 / .92); color: inherit; font-weight: 600; }
ul { display: grid; grid-template-columns: minmax(0, 1fr); gap: 8px; padding: 0; list-style: none; }
.cards { position: absolute; inset-block-end: 12px; inset-inline: 12px; }
.pictures { display: flex; flex: none; }
.pictures img + img { margin-inline-start: -32px; }
.panel { position: absolute; inset-inline: 0; inset-block-end: 0; max-block-size: 80%; overflow-y: auto; padding: 12px;
  border-radius: 14px 14px 0 0; background: #15151d; outline-offset: -3px; overscroll-behavior: contain; }
.panel header { display: flex; gap: 8px; align-items: center; justify-content: space-between; margin-block-end: 8px; }
.panel h2 { font-size: 16px; }
.panel .round { flex: none; }
.panel .line:empty { display: none; }
li { display: flex; gap: 12px; align-items: center; padding: 8px; border: 1px solid #2e2e3a; border-radius: 14px;
  background: rgb(21 21 29 / .94); }
li img { flex: none; inline-size: 56px; block-size: 56px; border-radius: 8px; object-fit: cover; }
.text { flex: 1; min-inline-size: 0; }
.title { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-weight: 600; }
.price { font-variant-numeric: tabular-nums; }
.price s { color: #a9a5b3; font-size: 12px; margin-inline-start: 6px; }
[data-deal] { border-color: var(--hawker-accent, #ffb224); }
.line { display: flex; flex-wrap: wrap; gap: 0 8px; font-size: 12px; font-variant-numeric: tabular-nums; }
button:disabled { opacity: .6; cursor: default; }
.hidden { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); }
@media (prefers-reduced-motion: no-preference) { .cards > li, .panel { animation: in 200ms ease-out; } }
@keyframes in { from { transform: translateY(12px); opacity: 0; } }
[hidden] { display: none !important; }
`;
