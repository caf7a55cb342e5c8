// Grafana's variable interpolation for data sources. The scene that is on the page holds the variables; a request names its own scene
// object, and by it variables of inner scopes are found too.

import { LoadingState, VariableHide, type CustomVariableModel, type ScopedVars, type TypedVariableModel } from '@grafana/data';
import type { TemplateSrv, VariableInterpolation } from '@grafana/runtime';
import { sceneGraph, SceneObjectBase, type SceneObject, type SceneVariable, type VariableCustomFormatterFn } from '@grafana/scenes';

/** Grafana declares it as any function at all. */
type Formatter = Exclude<Parameters<TemplateSrv['replace']>[2], string | undefined>;

export class HostTemplateSrv implements TemplateSrv {
  replace(target?: string, scopedVars?: ScopedVars, format?: string | Formatter, interpolations?: VariableInterpolation[]): string {
    const scene = sceneOf(scopedVars);
    if (target === undefined || target === '' || scene === null) return target ?? '';
    return sceneGraph.interpolate(scene, target, scopedVars, formatOf(format), interpolations);
  }

  getVariables(): TypedVariableModel[] {
    const scene = sceneOf(undefined);
    return scene === null ? [] : sceneGraph.getVariables(scene).state.variables.map(modelOf);
  }

  containsTemplate(target?: string): boolean {
    const names = new Set(this.getVariables().map((variable) => variable.name));
    return [...(target ?? '').matchAll(/\$(\w+)|\[\[(\w+?)(?::\w+)?\]\]|\$\{(\w+)[^}]*\}/g)].some((match) => {
      const name = match[1] ?? match[2] ?? match[3] ?? '';
      return names.has(name) || name.startsWith('__');
    });
  }

  updateTimeRange(): void {
    // The scene's own time range is what interpolation uses.
  }
}

function sceneOf(scopedVars: ScopedVars | undefined): SceneObject | null {
  const scoped: unknown = scopedVars?.['__sceneObject']?.value;
  const own: unknown = typeof scoped === 'object' && scoped !== null ? scoped.valueOf() : null;
  if (isScene(own)) return own;
  const active: unknown = Reflect.get(window, '__grafanaSceneContext');
  return isScene(active) ? active : null;
}

/** By its shape: an app plugin brings a copy of @grafana/scenes of its own. */
function isScene(value: unknown): value is SceneObject {
  return value instanceof SceneObjectBase || (typeof value === 'object' && value !== null && 'useState' in value && 'state' in value);
}

function formatOf(format: string | Formatter | undefined): string | VariableCustomFormatterFn | undefined {
  if (typeof format !== 'function') return format;
  return (value, model, next) => String(format(value, model, next));
}

function modelOf(variable: SceneVariable): CustomVariableModel {
  const { name, label, loading } = variable.state;
  const value: unknown = variable.getValue();
  const current = Array.isArray(value) ? value.map(String) : String(value ?? '');
  return {
    type: 'custom',
    id: name,
    name,
    label,
    description: null,
    error: null,
    global: false,
    hide: VariableHide.dontHide,
    index: 0,
    rootStateKey: null,
    skipUrlSync: false,
    state: loading === true ? LoadingState.Loading : LoadingState.Done,
    current: { selected: true, text: current, value: current },
    options: [],
    query: '',
    multi: Array.isArray(value),
    includeAll: false,
  };
}
