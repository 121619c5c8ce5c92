import type { ComponentChildren, ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';

/** lazyPart is a component whose code comes when it is first shown. Where it does not come, the fallback stays. */
export function lazyPart<P extends object>(load: () => Promise<ComponentType<P>>) {
  let loaded: ComponentType<P> | undefined;
  return function Part({ fallback, ...props }: P & { fallback: ComponentChildren }) {
    const [, draw] = useState(0);
    useEffect(() => {
      if (loaded) return;
      let current = true;
      load().then(
        (component) => {
          loaded = component;
          if (current) draw(1);
        },
        () => undefined,
      );
      return () => {
        current = false;
      };
    }, []);
    const Loaded = loaded as ComponentType<object> | undefined;
    return Loaded ? <Loaded {...props} /> : <>{fallback}</>;
  };
}
