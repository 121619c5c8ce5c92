// hawker-player.js: the player and its pins for other people's pages, as an element and as a module.
//
//   <script type="module" src="https://live.example/player/v1/hawker-player.js"></script>
//   <hawker-player broadcast="0193…" controls autoplay></hawker-player>

import { HawkerPlayer } from './element';

export { HawkerPlayer, type PinDetail, type StateDetail } from './element';
export * from '../player';

if (!customElements.get('hawker-player')) customElements.define('hawker-player', HawkerPlayer);
