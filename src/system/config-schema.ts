// What a schema of chasqui.toml knows: the keys at a place, and every value as the file would say it, defaults too.
import { z } from 'zod'

type Tables = Record<string, unknown>

/**
 * Checked tables with what the schema puts in for keys that are not there; each value as it is written in the file, so
 * that it can be set again ("20 GiB", never its bytes).
 */
export function writtenValues(schema: z.core.$ZodType, raw: unknown): unknown {
  const value = raw ?? writtenDefault(schema)
  if (typeof value !== 'object' || value === null) return value
  const inner = unwrap(schema).find((one) => z.safeParse(one, value).success)
  if (inner instanceof z.ZodObject) return ofKeys(Object.entries(inner.shape), value as Tables)
  if (inner instanceof z.ZodRecord) {
    const { valueType } = inner
    return ofKeys(
      Object.keys(value).map((key) => [key, valueType]),
      value as Tables
    )
  }
  if (inner instanceof z.ZodArray && Array.isArray(value)) {
    return value.map((one) => writtenValues(inner.element, one))
  }
  return value
}

function ofKeys(keys: readonly (readonly [string, z.core.$ZodType])[], values: Tables): Tables {
  const entries = keys.map(([key, schema]) => [key, writtenValues(schema, values[key])] as const)
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined))
}

function writtenDefault(schema: z.core.$ZodType): unknown {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) return schema.def.defaultValue
  return schema instanceof z.ZodPipe ? writtenDefault(schema.in) : undefined
}

/** The keys that a schema knows at a place; of several kinds of table only those that the values there fit. */
export function knownKeys(schema: z.ZodType, path: readonly PropertyKey[], values: unknown): string[] {
  let at: z.core.$ZodType[] = [schema]
  for (const part of path) at = at.flatMap(unwrap).flatMap((one) => step(one, part))
  const there = path.reduce((one, part) => (one as Record<PropertyKey, unknown> | undefined)?.[part], values)
  const objects = at.flatMap(unwrap).filter((one) => one instanceof z.ZodObject)
  const ofKind = objects.filter((one) => isOfKind(one, there))
  return [...new Set(ofKind.flatMap((one) => Object.keys(one.shape)))]
}

/** Of a union by `kind` and the like: no other than the one that the value names. */
function isOfKind({ shape }: z.ZodObject, value: unknown): boolean {
  const given = (value ?? {}) as Tables
  return Object.entries(shape).every(
    ([key, inner]) =>
      !(inner instanceof z.ZodLiteral) || given[key] === undefined || inner.value === given[key]
  )
}

function step(schema: z.core.$ZodType, part: PropertyKey): z.core.$ZodType[] {
  if (schema instanceof z.ZodObject) {
    const inner = schema.shape[String(part)]
    return inner === undefined ? [] : [inner]
  }
  if (schema instanceof z.ZodRecord) return [schema.valueType]
  if (schema instanceof z.ZodArray) return [schema.element]
  return []
}

/** What stands behind optional, default, transform and union. */
function unwrap(schema: z.core.$ZodType): z.core.$ZodType[] {
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodNullable
  ) {
    return unwrap(schema.unwrap())
  }
  if (schema instanceof z.ZodPipe) return unwrap(schema.in)
  if (schema instanceof z.ZodUnion) return schema.options.flatMap(unwrap)
  return [schema]
}
