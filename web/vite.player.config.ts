import { defineConfig } from 'vite';
import { precompress } from './vite.compress.ts';

// hawker-player.js for other people's pages: one file, and hls.js beside it for who needs it. The server gives the newest
// a name without its hash (web/library.go).
export default defineConfig({
  plugins: [precompress('dist/player')],
  base: './',
  build: {
    target: 'es2022',
    outDir: 'dist/player',
    emptyOutDir: true,
    modulePreload: false,
    chunkSizeWarningLimit: 700,
    rolldownOptions: {
      input: 'src/element/index.ts',
      preserveEntrySignatures: 'strict',
      output: { entryFileNames: 'hawker-player-[hash].js', chunkFileNames: '[name]-[hash].js' },
    },
  },
} as Parameters<typeof defineConfig>[0]);
