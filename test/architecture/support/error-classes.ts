/** The error classes of a file and the fields that they declare, read from its syntax tree. */
import { parseSync, type ClassMember, type Expression, type Param, type TsParameterProperty } from '@swc/core';

export interface ErrorClass {
  readonly name: string;
  readonly parent: string;
  /** Names of its properties, those among its constructor's parameters included. */
  readonly fields: readonly string[];
}

/** Every class with a parent that is declared at the file's top level. */
export function errorClassesIn(text: string): readonly ErrorClass[] {
  return parseSync(text, { syntax: 'typescript', target: 'es2022' }).body.flatMap((item) => {
    const declaration = item.type === 'ExportDeclaration' ? item.declaration : item;
    if (declaration.type !== 'ClassDeclaration') return [];
    const parent = nameOf(declaration.superClass);
    return parent === null
      ? []
      : [{ name: declaration.identifier.value, parent, fields: declaration.body.flatMap(fieldsOf) }];
  });
}

/** What the classes lack that are errors; one sentence each. Names are taken to be unique in src. */
export function faultsOf(classes: readonly ErrorClass[]): readonly string[] {
  const byName = new Map(classes.map((one) => [one.name, one]));
  const isError = (name: string): boolean =>
    /^(Aggregate|Eval|Range|Reference|Syntax|Type|URI)?Error$/.test(name) || isErrorClass(byName.get(name));
  const isErrorClass = (one: ErrorClass | undefined): boolean => one !== undefined && isError(one.parent);
  const has = (one: ErrorClass | undefined, field: string): boolean =>
    one !== undefined && (one.fields.includes(field) || has(byName.get(one.parent), field));
  return classes
    .filter(isErrorClass)
    .flatMap((one) =>
      ['code', 'retriable'].filter((field) => !has(one, field)).map((field) => `${one.name} has no ${field}`),
    );
}

function fieldsOf(member: ClassMember): readonly string[] {
  if (member.type === 'ClassProperty') return member.key.type === 'Identifier' ? [member.key.value] : [];
  return member.type === 'Constructor' ? member.params.flatMap(parameterField) : [];
}

function parameterField(parameter: TsParameterProperty | Param): readonly string[] {
  if (parameter.type !== 'TsParameterProperty') return [];
  return parameter.param.type === 'Identifier' ? [parameter.param.value] : [];
}

function nameOf(expression: Expression | null | undefined): string | null {
  return expression?.type === 'Identifier' ? expression.value : null;
}
