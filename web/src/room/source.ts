import { ApiError } from '../api/client';
import type { Scene } from '../api/types';
import type { Edge } from './edge';
import type { Entrance } from './entrance';
import type { Place } from './place';

/** SceneSource asks the server for the scene of now. */
export class SceneSource {
  constructor(
    private readonly place: Place,
    private readonly path: string,
    private readonly entrance: Pick<Entrance, 'grant'>,
    private readonly edge: Pick<Edge, 'tell'>,
    private readonly signal: AbortSignal,
  ) {}

  /** load asks beside watch; only what is not for everybody has to wait for its grant. */
  async load(): Promise<Scene> {
    if (this.place.token) return this.fetch(await this.entrance.grant());
    try {
      return await this.fetch(undefined);
    } catch (error) {
      const grant = error instanceof ApiError && error.status === 403 ? await this.entrance.grant() : undefined;
      if (!grant) throw error;
      return this.fetch(grant);
    }
  }

  private async fetch(grant: string | undefined): Promise<Scene> {
    const asked = performance.now();
    const scene = await this.place.client.get<Scene>(`${this.path}/scene`, { grant }, this.signal);
    this.edge.tell(scene.now, asked);
    return scene;
  }
}
