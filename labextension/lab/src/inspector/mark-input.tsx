/** An input whose text counts when the user presses Enter or leaves it. Escape brings the old text back. */

import * as React from 'react';

interface InputProps {
  value: string;
  label: string;
  placeholder?: string;
  /** The texts to choose from: all that there are, or only proposals. */
  choices?: string[];
  proposals?: string[];
  describedBy?: string;
  invalid?: boolean;
  onCommit: (value: string) => void;
}

export function MarkInput(props: InputProps): React.JSX.Element {
  return props.choices ? <Choice {...props} choices={props.choices} /> : <Text {...props} />;
}

function Choice({ value, label, choices, describedBy, invalid, onCommit }: InputProps & { choices: string[] }) {
  const known = value === '' || choices.includes(value) ? choices : [value, ...choices];
  return (
    <select
      className="jp-mod-styled"
      aria-label={label}
      aria-describedby={describedBy}
      aria-invalid={invalid}
      value={value}
      onChange={event => onCommit(event.target.value)}
    >
      <option value="" />
      {known.map(choice => (
        <option key={choice}>{choice}</option>
      ))}
    </select>
  );
}

function Text({ value, label, placeholder, proposals, describedBy, invalid, onCommit }: InputProps) {
  const [text, setText] = React.useState(value);
  const list = React.useId();
  React.useEffect(() => setText(value), [value]);
  const commit = () => {
    const trimmed = text.trim();
    setText(value); // the form shows what then stands in the notebook
    if (trimmed !== value) {
      onCommit(trimmed);
    }
  };
  return (
    <>
      <input
        className="jp-mod-styled"
        type="text"
        spellCheck={false}
        aria-label={label}
        aria-describedby={describedBy}
        aria-invalid={invalid}
        placeholder={placeholder}
        list={proposals && list}
        value={text}
        onChange={event => setText(event.target.value)}
        onBlur={commit}
        onKeyDown={event => {
          if (event.key === 'Enter') {
            commit();
          } else if (event.key === 'Escape') {
            setText(value);
          }
        }}
      />
      {proposals && (
        <datalist id={list}>
          {proposals.map(proposal => (
            <option key={proposal} value={proposal} />
          ))}
        </datalist>
      )}
    </>
  );
}
