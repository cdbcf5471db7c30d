import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

// File names do not change from build to build, and nothing is inlined: the page's policy
// allows no data: and no script in the document.
export default defineConfig({
  plugins: [svelte()],
  base: './',
  build: {
    outDir: process.env.RERIG_WEB_OUT ?? 'build',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: false,
    cssCodeSplit: false,
    rolldownOptions: {
      output: { entryFileNames: 'app.js', chunkFileNames: '[name].js', assetFileNames: 'app[extname]', codeSplitting: false },
    },
  },
});
