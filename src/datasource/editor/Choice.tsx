// Grafana's Combobox and MultiCombobox, which tell of a choice once. On React 18 a choice is told of again at each rendering that comes before
// what it has changed; a query that is asked each time makes such renderings without end, and the page hangs. They also get the same options and
// value for as long as these say the same.

import { useLayoutEffect, useRef, useState } from 'react';
import { Combobox, MultiCombobox } from '@grafana/ui';

export const Choice: typeof Combobox = (props) => {
  const options = useSame(props.options);
  const value = useSame(props.value);
  const onChange = useNews(valueOf(value), valueOf, props.onChange);
  return <Combobox {...props} options={options} value={value} onChange={onChange} />;
};

export const Choices: typeof MultiCombobox = (props) => {
  const options = useSame(props.options);
  const value = useSame(props.value);
  const onChange = useNews(valuesOf(value), valuesOf, props.onChange);
  return <MultiCombobox {...props} options={options} value={value} onChange={onChange} />;
};

/** @param read what a choice means, to be compared @returns the same function, deaf to what is shown or was told already */
function useNews(shown: string, read: (told: unknown) => string, tell: (told: never) => void): (told: unknown) => void {
  const latest = useRef(shown);
  // Before the effects of what is inside, which tell.
  useLayoutEffect(() => {
    latest.current = shown;
  }, [shown]);
  return (told) => {
    const meant = read(told);
    if (meant === latest.current) return;
    latest.current = meant;
    // What the inner component tells is what the outer one takes; only their types are too many to say so.
    Reflect.apply(tell, undefined, [told]);
  };
}

/** Of an option, or of its value alone; nothing chosen is no value. */
function valueOf(option: unknown): string {
  const value: unknown = typeof option === 'object' && option !== null && 'value' in option ? option.value : option;
  return JSON.stringify(value ?? null);
}

function valuesOf(options: unknown): string {
  return JSON.stringify(Array.isArray(options) ? options.map(valueOf) : []);
}

/** The first of equal values; functions as they are. */
function useSame<T>(value: T): T {
  const [kept, setKept] = useState<{ readonly value: T }>({ value });
  if (kept.value === value || typeof value === 'function') return value;
  if (JSON.stringify(kept.value) === JSON.stringify(value)) return kept.value;
  setKept({ value });
  return value;
}
