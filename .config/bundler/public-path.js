// Runs before every plugin module: files that webpack loads later are looked up beside the module, wherever Grafana serves it from
// (a sub path, a CDN). Lazy chunks stand beside the app's module alone, so nested plugins import eagerly.
/* global PLUGIN_PUBLIC_PATH */
import amdMetaModule from 'amd-module';

// eslint-disable-next-line no-undef -- webpack turns it into an assignment of its own
__webpack_public_path__ =
  amdMetaModule && amdMetaModule.uri ? amdMetaModule.uri.slice(0, amdMetaModule.uri.lastIndexOf('/') + 1) : PLUGIN_PUBLIC_PATH;
