// Registries that Grafana's application fills before any panel is drawn: which field options there are and how they are applied. The
// host edits queries, not field options, so the editors themselves stay empty.

import {
  dataLinksOverrideProcessor,
  displayNameOverrideProcessor,
  FieldColorModeId,
  identityOverrideProcessor,
  numberOverrideProcessor,
  standardEditorsRegistry,
  standardFieldConfigEditorRegistry,
  standardTransformersRegistry,
  ThresholdsMode,
  thresholdsOverrideProcessor,
  unitOverrideProcessor,
  valueMappingsOverrideProcessor,
  booleanOverrideProcessor,
  type FieldConfigPropertyItem,
  type StandardEditorsRegistryItem,
} from '@grafana/data';

const EDITORS = [
  'text',
  'number',
  'slider',
  'boolean',
  'select',
  'radio',
  'multi-select',
  'unit',
  'color',
  'fieldColor',
  'links',
  'actions',
  'thresholds',
  'mappings',
  'strings',
  'timezone',
  'stats-picker',
  'field-name',
  'dashboard-uid',
  'filter',
];

const nothing = (): null => null;

export function fillRegistries(): void {
  standardEditorsRegistry.setInit(() => EDITORS.map((id): StandardEditorsRegistryItem => ({ id, name: id, editor: nothing })));
  standardFieldConfigEditorRegistry.setInit(fieldOptions);
  standardTransformersRegistry.setInit(() => []);
}

function fieldOptions(): FieldConfigPropertyItem[] {
  return [
    option('displayName', displayNameOverrideProcessor),
    option('unit', unitOverrideProcessor),
    option('min', numberOverrideProcessor),
    option('max', numberOverrideProcessor),
    option('decimals', numberOverrideProcessor),
    option('noValue', identityOverrideProcessor),
    option('fieldMinMax', booleanOverrideProcessor),
    option('filterable', booleanOverrideProcessor),
    option('color', identityOverrideProcessor, { mode: FieldColorModeId.PaletteClassic }),
    option('links', dataLinksOverrideProcessor),
    option('mappings', valueMappingsOverrideProcessor, []),
    option('thresholds', thresholdsOverrideProcessor, {
      mode: ThresholdsMode.Absolute,
      steps: [
        { value: -Infinity, color: 'green' },
        { value: 80, color: 'red' },
      ],
    }),
  ];
}

function option(id: string, process: FieldConfigPropertyItem['process'], defaultValue?: unknown): FieldConfigPropertyItem {
  return {
    id,
    path: id,
    name: id,
    category: ['Standard options'],
    editor: nothing,
    override: nothing,
    process,
    defaultValue,
    settings: {},
    shouldApply: () => true,
  };
}
