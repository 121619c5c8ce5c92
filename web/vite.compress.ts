import type { Plugin } from 'vite';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

// The server sends what is compressed here, so that it never compresses while a crowd arrives.
export function precompress(folder: string): Plugin {
  return {
    name: 'hawker:precompress',
    apply: 'build',
    closeBundle() {
      for (const name of readdirSync(folder)) {
        if (!/\.(js|css|svg)$/.test(name)) continue;
        const file = `${folder}/${name}`;
        const plain = readFileSync(file);
        if (plain.length < 600) continue;
        writeFileSync(`${file}.gz`, gzipSync(plain, { level: 9 }));
        const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: plain.length };
        writeFileSync(`${file}.br`, brotliCompressSync(plain, { params }));
      }
    },
  };
}
