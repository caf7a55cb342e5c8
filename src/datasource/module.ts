// Entry of the data source: Grafana loads it and takes `plugin`. Everything is imported eagerly, because chunks of a nested plugin
// would be looked up in the app's folder.

import { DataSourcePlugin } from '@grafana/data';
import { ConfigEditor } from './config/ConfigEditor';
import { TidemarkDataSource } from './datasource';
import { QueryEditor } from './editor/QueryEditor';
import type { TidemarkQuery } from './query/model';
import type { TidemarkOptions, TidemarkSecrets } from './settings';

export const plugin = new DataSourcePlugin<TidemarkDataSource, TidemarkQuery, TidemarkOptions, TidemarkSecrets>(TidemarkDataSource)
  .setConfigEditor(ConfigEditor)
  .setQueryEditor(QueryEditor);
