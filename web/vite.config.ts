import { defineConfig, type Plugin } from 'vite';
import { existsSync, readdirSync, rmSync } from 'node:fs';

// dist is embedded in the binary and must exist without Node, so its placeholder is committed: empty everything else.
function emptyDist(): Plugin {
  return {
    name: 'hawker:empty-dist',
    apply: 'build',
    buildStart() {
      if (!existsSync('dist')) return;
      for (const name of readdirSync('dist')) {
        if (name !== 'placeholder.html') rmSync(`dist/${name}`, { recursive: true });
      }
    },
  };
}

const server = process.env.HAWKER_URL ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [emptyDist()],
  build: {
    target: 'es2022',
    emptyOutDir: false,
    manifest: true,
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 700,
  },
  server: {
    proxy: Object.fromEntries(
      ['/v1', '/whep', '/whip', '/hls', '/sandbox'].map((path) => [path, { target: server, ws: true }]),
    ),
  },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
} as Parameters<typeof defineConfig>[0]);
