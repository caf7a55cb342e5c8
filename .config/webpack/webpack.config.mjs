// How the plugin's front end is bundled: one AMD module for each plugin.json, as Grafana loads them. After the configuration that
// create-plugin writes; .config/README.md says what differs and why.
import { fileURLToPath } from 'node:url';
import { dirname, join, resolve } from 'node:path';
import CopyWebpackPlugin from 'copy-webpack-plugin';
import TerserPlugin from 'terser-webpack-plugin';
import webpack from 'webpack';
import { SubresourceIntegrityPlugin } from 'webpack-subresource-integrity';
import { SOURCE_DIR } from '../bundler/constants.mjs';
import { copyPatterns } from '../bundler/copy-files.mjs';
import { externals } from '../bundler/externals.mjs';
import { bundleEntries, outputFolder, readJson } from '../bundler/plugins.mjs';

const here = dirname(fileURLToPath(import.meta.url));

/**
 * @param {{ root: string, mode: 'production' | 'development', date: string }} build root: the repository; date: YYYY-MM-DD
 * @returns {import('webpack').Configuration}
 */
export function webpackConfig({ root, mode, date }) {
  const { id } = readJson(join(root, 'plugin.json'));
  const { version } = readJson(join(root, 'package.json'));
  const scaffold = readJson(resolve(here, '..', '.cprc.json')).version;
  const production = mode === 'production';
  const publicPath = `public/plugins/${id}/`;
  return {
    cache: {
      type: 'filesystem',
      cacheDirectory: join(root, '.cache', 'webpack'),
      buildDependencies: { config: [join(here, 'webpack.config.mjs'), join(here, '..', 'bundler', 'copy-files.mjs')] },
    },
    context: join(root, SOURCE_DIR),
    devtool: 'source-map',
    entry: bundleEntries(root, resolve(here, '..', 'bundler', 'public-path.js')),
    externals,
    mode,
    module: {
      rules: [
        {
          test: /\.tsx?$/,
          exclude: /node_modules/,
          use: {
            loader: 'swc-loader',
            options: {
              jsc: {
                target: 'es2020',
                parser: { syntax: 'typescript', tsx: true },
                transform: { react: { runtime: 'automatic' } },
              },
            },
          },
        },
        { test: /\.(png|jpe?g|gif|svg)$/, type: 'asset/resource', generator: { filename: production ? '[hash][ext]' : '[file]' } },
      ],
    },
    optimization: {
      minimize: production,
      minimizer: [
        new TerserPlugin({
          extractComments: false,
          terserOptions: {
            format: { comments: (_, { type, value }) => type === 'comment2' && value.trim().startsWith('[create-plugin]') },
            compress: { drop_console: ['log', 'info'] },
          },
        }),
      ],
    },
    output: {
      // The Go backend is built into the same folder by mage.
      clean: { keep: /gpx_.*_(amd64|arm64)(\.exe)?|go_plugin_build_manifest/ },
      filename: '[name].js',
      chunkFilename: production ? '[name].js?_cache=[contenthash]' : '[name].js',
      library: { type: 'amd' },
      path: outputFolder(root),
      publicPath,
      uniqueName: id,
      crossOriginLoading: 'anonymous',
    },
    performance: { hints: false },
    plugins: [
      new webpack.DefinePlugin({ PLUGIN_PUBLIC_PATH: JSON.stringify(publicPath) }),
      // Grafana's catalogue reads these two lines.
      new webpack.BannerPlugin({
        banner: `/* [create-plugin] version: ${scaffold} */\n/* [create-plugin] plugin: ${id}@${version} */`,
        raw: true,
        entryOnly: true,
      }),
      new CopyWebpackPlugin({ patterns: copyPatterns(root, { mode, date }) }),
      new SubresourceIntegrityPlugin({ hashFuncNames: ['sha256'] }),
    ],
    resolve: { extensions: ['.ts', '.tsx', '.js'], extensionAlias: { '.js': ['.ts', '.tsx', '.js'] } },
    stats: 'errors-warnings',
  };
}
