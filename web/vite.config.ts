import { defineConfig, type Plugin } from 'vite';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { precompress } from './vite.compress.ts';

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
  plugins: [emptyDist(), precompress('dist/assets')],
  build: {
    target: 'es2022',
    emptyOutDir: false,
    manifest: true,
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 700,
    rolldownOptions: {
      output: {
        // A crowd pays for every request: what all pages need is one file, what watching and buying need another.
        codeSplitting: {
          groups: [
            { name: 'base', test: /\/(preact|src\/(ui|api|app|auth|i18n))\/(?!.*\/?(ar|de|fr)\.ts)/, priority: 2 },
            {
              name: 'watch',
              test: /\/src\/(shop|room|player|feed|pages\/account\/SignIn)(?!.*\/(ar|de|fr)\.ts)/,
              priority: 1,
            },
            { name: 'icons', test: /\/lucide-static\//, minShareCount: 2 },
          ],
        },
      },
    },
  },
  server: {
    proxy: Object.fromEntries(
      ['/v1', '/whep', '/whip', '/hls', '/sandbox'].map((path) => [path, { target: server, ws: true }]),
    ),
  },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
} as Parameters<typeof defineConfig>[0]);
