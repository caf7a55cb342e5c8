import { render, screen, within } from '@testing-library/react';
import { describe, expect, it, vi } from 'vitest';
import { SetupView } from './SetupView';

describe('SetupView', () => {
  it('shows what is wrong with what to do, the way to the settings, and asks again on a press', () => {
    const again = vi.fn();
    const answer = { ok: false, problem: { status: 502, message: 'The aggregator does not answer.', remedy: 'Start it.' } } as const;
    render(<SetupView answer={answer} before={null} dataSourceUid="shop-1" asking={false} again={again} />);
    expect(screen.getByRole('status').textContent).toBe('1 thing does not work');
    const [first] = screen.getAllByRole('listitem');
    expect(within(first!).getByText('The aggregator does not answer.')).toBeTruthy();
    expect(within(first!).getByText('Start it.')).toBeTruthy();
    screen.getByRole('button', { name: 'Check again' }).click();
    expect(again).toHaveBeenCalledOnce();
    expect(screen.getByRole('link', { name: 'Data source settings' }).getAttribute('href')).toBe('/connections/datasources/edit/shop-1');
  });
});
