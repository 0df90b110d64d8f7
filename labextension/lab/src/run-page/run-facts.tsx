/** What a run was given and what came of it: parameters, metrics, place and environment. */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { valueText } from '@kfnb/core/format';
import { RunDetails } from '@kfnb/core/wire/api-types';
import { FollowedRun } from '../session/followed-run';

interface FactsProps {
  source: FollowedRun;
  details: RunDetails | null;
  trans: TranslationBundle;
}

export function RunFacts({ source, details, trans }: FactsProps): React.JSX.Element | null {
  if (!source.run) {
    return null;
  }
  const { run, metrics } = source.run;
  const { python, folder, containers, image } = details?.environment ?? {};
  const place: [string, unknown][] = [
    [trans.__('target'), run.target],
    [trans.__('experiment'), run.experiment],
    [trans.__('notebook'), run.notebook],
    [trans.__('Python'), python],
    [trans.__('folder'), folder],
    [trans.__('containers'), containers],
    [trans.__('image'), image]
  ];
  return (
    <>
      <Table title={trans.__('Parameters')} rows={Object.entries(run.parameters)} />
      <Table title={trans.__('Metrics')} rows={Object.entries(metrics)} />
      <Table title={trans.__('Environment')} rows={place.filter(([, value]) => value)} />
    </>
  );
}

function Table({ title, rows }: { title: string; rows: [string, unknown][] }): React.JSX.Element | null {
  return rows.length === 0 ? null : (
    <section aria-label={title}>
      <h2>{title}</h2>
      <table className="kfnb-RunPage-table">
        <tbody>
          {rows.map(([name, value]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{valueText(value)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
