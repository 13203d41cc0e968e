// The profile of an app by its name in the configuration.
import type { AppConfig } from '../config/apps.ts'
import { genericProfile } from './generic.ts'
import { odooProfile } from './odoo/odoo.ts'
import type { Profile } from './profile.ts'

export function createProfile(app: AppConfig): Profile {
  return app.profile === 'odoo' ? odooProfile(app) : genericProfile(app)
}
