// The scene object both pages are made of: knows which data source is chosen, asks its aggregator again and again while it is seen, and
// hands every answer to the page's view. The only state of the pages.

import { type ComponentType } from 'react';
import { LoadingPlaceholder } from '@grafana/ui';
import { sceneGraph, SceneObjectBase, VariableDependencyConfig, type SceneComponentProps, type SceneObjectState } from '@grafana/scenes';
import { askAggregator, type Answer } from './ask-aggregator';
import { NoDataSource } from './NoDataSource';

export const DATA_SOURCE_VARIABLE = 'ds';
const ASK_EVERY_MS = 5_000;

export interface StatusViewProps {
  readonly answer: Answer;
  /** The answer before the last one. */
  readonly before: Answer | null;
  readonly dataSourceUid: string;
  readonly asking: boolean;
  readonly again: () => void;
}

interface StatusObjectState extends SceneObjectState {
  readonly view: ComponentType<StatusViewProps>;
  readonly answer: Answer | null;
  readonly before: Answer | null;
  readonly asking: boolean;
}

export class StatusObject extends SceneObjectBase<StatusObjectState> {
  static Component = StatusComponent;

  #controller: AbortController | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;

  protected override _variableDependency = new VariableDependencyConfig(this, {
    variableNames: [DATA_SOURCE_VARIABLE],
    onVariableUpdateCompleted: () => {
      this.setState({ answer: null, before: null });
      this.ask();
    },
  });

  constructor(view: ComponentType<StatusViewProps>) {
    super({ view, answer: null, before: null, asking: false });
    this.addActivationHandler(() => {
      this.ask();
      return () => this.#stop();
    });
  }

  get dataSourceUid(): string {
    const value = sceneGraph.lookupVariable(DATA_SOURCE_VARIABLE, this)?.getValue();
    return typeof value === 'string' ? value : '';
  }

  /** Asks now; a question under way is dropped. */
  readonly ask = (): void => {
    this.#stop();
    const uid = this.dataSourceUid;
    if (uid === '') {
      this.forceRender();
      return;
    }
    const controller = new AbortController();
    this.#controller = controller;
    this.setState({ asking: true });
    void askAggregator(uid, Date.now, controller.signal).then((answer) => {
      if (controller.signal.aborted) return;
      this.setState({ answer, before: this.state.answer, asking: false });
      this.#timer = setTimeout(this.ask, ASK_EVERY_MS);
    });
  };

  #stop(): void {
    this.#controller?.abort();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}

function StatusComponent({ model }: SceneComponentProps<StatusObject>) {
  const { view: View, answer, before, asking } = model.useState();
  const uid = model.dataSourceUid;
  if (uid === '') {
    // Only when the list of data sources is there can it be said that none is.
    const looking = sceneGraph.hasVariableDependencyInLoadingState(model);
    return looking ? <LoadingPlaceholder text="Looking for data sources" /> : <NoDataSource />;
  }
  if (answer === null) return <LoadingPlaceholder text="Asking the aggregator" />;
  return <View answer={answer} before={before} dataSourceUid={uid} asking={asking} again={model.ask} />;
}
