f'{abc'd'}'
